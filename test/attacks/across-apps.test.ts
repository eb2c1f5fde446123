/**
 * Many apps live in one deployment. Every pair of credentials, each of its own app or another's, in every place where
 * credentials can stand, generated rather than written down: only pairs of one app are anybody.
 */
import t, { type Test } from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { identityOf, startGateway, type TestGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

type App = { name: string; key: string; token: string; platform: string; user: string }
const APPS: App[] = [
  { name: 'demo', key: 'demo_clientkey', token: 'ada-token', platform: 'demo_apikey', user: 'ada' },
  { name: 'other', key: 'other_clientkey', token: 'eve-token', platform: 'other_apikey', user: 'eve' },
]
const pairs = APPS.flatMap((one) => APPS.map((other) => [one, other] as const))
const open = () => ({ env: { RATE_LIMIT_REFUSED: '100000' } })

t.test('over HTTP and polling a key and a token of two apps are 401, of one app that app', async (t) => {
  const gateway = await startGateway(t, open())
  for (const target of ['GET /me', 'POST /rooms/r/message', 'GET /socket.io/?EIO=4&transport=polling'])
    for (const [one, other] of pairs) {
      const fields = [`IM-Client-Key: ${one.key}`, `IM-Authorization: ${other.token}`]
      const { status } = await sendRaw(gateway.publicUrl, requestText(`${target} HTTP/1.1`, fields))
      t.equal(status, one === other ? 200 : 401, `${target}: ${one.name}, ${other.name}`)
      if (one === other)
        t.match(identityOf(await gateway.upstream.next()), { app: one.name, userId: one.user })
    }
})

t.test('with an upgrade it is the same', async (t) => {
  const gateway = await startGateway(t, open())
  for (const [one, other] of pairs) {
    const fields = [`IM-Client-Key: ${one.key}`, `IM-Authorization: ${other.token}`]
    const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
    t.equal(socket.answer.status, one === other ? 101 : 401)
  }
})

t.test('a secret of one kind is none of another kind, in any header', async (t) => {
  const gateway = await startGateway(t, open())
  const { key, token, platform } = APPS[0]!
  for (const fields of [
    [`IM-API-KEY: ${key}`],
    [`IM-API-KEY: ${token}`],
    [`IM-Client-Key: ${platform}`, `IM-Authorization: ${token}`],
    [`IM-Client-Key: ${token}`, `IM-Authorization: ${token}`],
    [`IM-Client-Key: ${key}`, `IM-Authorization: ${key}`],
    [`IM-Client-Key: ${key}`, `IM-Authorization: ${platform}`],
  ])
    t.equal(
      (await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))).status,
      401,
      fields.join(),
    )
  t.equal(gateway.upstream.requests.length, 0)
})

async function answerTo(t: Test, gateway: TestGateway, named: App | undefined, event: unknown[]) {
  const fields = named === undefined ? [] : [`IM-Client-Key: ${named.key}`]
  const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
  const { connection } = await gateway.upstream.next()
  socket.connection.write(frameBytes(`421${JSON.stringify(event)}`))
  await eventually('the core has the event', () => readTexts(connection.tunnelled()).length > 0)
  const [text = ''] = readTexts(connection.tunnelled())
  return JSON.parse(text.slice(text.indexOf('[')))[1]
}

t.test('in a socket’s event, by the app that the upgrade, the event’s key and its token name', async (t) => {
  const gateway = await startGateway(t, open())
  for (const named of [undefined, ...APPS])
    for (const [one, other] of pairs) {
      const event = ['auth2', other.token, { CLIENT_KEY: one.key, Authorization: other.token }]
      const answer = await answerTo(t, gateway, named, event)
      const fits = one === other && (named === undefined || named === one)
      t.equal('identity' in answer, fits, `${named?.name}: ${one.name}, ${other.name}`)
      if (!fits) t.equal(answer.refused.RC, 401)
    }
  for (const named of [undefined, ...APPS])
    for (const one of APPS) {
      const platform = await answerTo(t, gateway, named, ['auth2', null, { API_KEY: one.platform }])
      t.equal('identity' in platform, named === undefined || named === one)
      const alone = await answerTo(t, gateway, named, ['auth', one.token])
      t.equal('identity' in alone, named === one, 'of two apps, a token alone names none')
    }
})
