/**
 * Two values for one credential with an upgrade, with a polling request, inside an `auth` event, or one in the headers
 * and another in the event. Never "the first wins" (Kong), and never an identity made of both.
 */
import t, { type Test } from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { GOOD, identityOf, startGateway, type TestGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

const CONFLICTS = [
  [...GOOD, 'IM-Client-Key: other_clientkey'],
  [...GOOD, 'CLIENT_KEY: other_clientkey'],
  [...GOOD, 'IM-Authorization: eve-token'],
  [...GOOD, 'im.authorization: eve-token'],
  ['IM-API-KEY: demo_apikey', 'API_KEY: other_apikey'],
  ['IM-API-KEY: demo_apikey', 'im_api_key: other_apikey'],
  ['Authorization: ada-token', 'authorization: eve-token', 'CLIENT_KEY: demo_clientkey'],
]

t.test('two values in the headers of an upgrade or a polling request are 400', async (t) => {
  const gateway = await startGateway(t)
  for (const fields of CONFLICTS) {
    const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
    t.equal(socket.answer.status, 400, fields.join(' · '))
    t.match(socket.answer.json(), { error: { code: 'CONFLICTING_CREDENTIALS' } })
    for (const method of ['GET', 'POST']) {
      const text = requestText(`${method} /socket.io/?EIO=4&transport=polling HTTP/1.1`, [
        ...fields,
        'Content-Length: 0',
      ])
      t.equal((await sendRaw(gateway.publicUrl, text)).status, 400, fields.join(' · '))
    }
  }
  t.equal(gateway.upstream.requests.length, 0)
})

async function authenticated(
  t: Test,
  gateway: TestGateway,
  event: unknown[],
  fields: readonly string[] = [],
) {
  const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
  const { connection } = await gateway.upstream.next()
  socket.connection.write(frameBytes(`421${JSON.stringify(event)}`))
  await eventually('the core has the event', () => readTexts(connection.tunnelled()).length > 0)
  const [text = ''] = readTexts(connection.tunnelled())
  t.notMatch(connection.tunnelled().toString('latin1'), /ada-token|eve-token|_clientkey|_apikey/)
  const [, argument] = JSON.parse(text.slice(text.indexOf('[')))
  return argument
}

t.test('two values in an event are refused as a conflict, in whatever spelling', async (t) => {
  const gateway = await startGateway(t)
  for (const headers of [
    { CLIENT_KEY: 'demo_clientkey', 'IM-Client-Key': 'other_clientkey' },
    { 'IM-Client-Key': 'demo_clientkey', im_client_key: 'other_clientkey' },
    { API_KEY: 'demo_apikey', 'IM-API-KEY': 'other_apikey' },
    { 'IM-Client-ID': 'a', 'im.client.id': 'b', CLIENT_KEY: 'demo_clientkey' },
  ])
    t.match(await authenticated(t, gateway, ['auth2', 'ada-token', headers]), {
      refused: { code: 'CONFLICTING_CREDENTIALS', RC: 400 },
    })
})

t.test('a bad platform key in an event decides, whatever stands beside it', async (t) => {
  const gateway = await startGateway(t)
  const headers = { CLIENT_KEY: 'demo_clientkey', API_KEY: 'wrong' }
  t.match(await authenticated(t, gateway, ['auth2', 'ada-token', headers]), {
    refused: { code: 'INVALID_API_KEY', RC: 401 },
  })
})

t.test('an event cannot leave the app that the upgrade named', async (t) => {
  const gateway = await startGateway(t)
  const others = { CLIENT_KEY: 'other_clientkey', Authorization: 'eve-token' }
  t.match(await authenticated(t, gateway, ['auth2', 'eve-token', others], [...GOOD]), {
    refused: { RC: 401 },
  })
  t.match(
    await authenticated(
      t,
      gateway,
      ['auth2', null, { API_KEY: 'other_apikey' }],
      ['IM-Client-Key: demo_clientkey'],
    ),
    {
      refused: { code: 'INVALID_API_KEY', RC: 401 },
    },
  )
  t.match(await authenticated(t, gateway, ['auth', 'eve-token'], ['IM-Client-Key: demo_clientkey']), {
    refused: { code: 'INVALID_TOKEN', RC: 401 },
  })
  t.match(identityOf(gateway.upstream.requests[0]!), { app: 'demo' })
})
