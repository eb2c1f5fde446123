/**
 * CORS does not protect WebSockets: any page may open one, and a page that the app never allowed could authenticate
 * it with a credential that it got hold of. So the app's list of origins is held against an upgrade, a polling
 * request, and, as the app is mostly known only then, an `auth` event. Precedent: http-proxy CVE-2026-133111.
 */
import t, { type Test } from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { GOOD, startGateway, type TestGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

const ALLOWED = 'https://app.example'
const FOREIGN = [
  'https://evil.example',
  'null',
  'https://app.example.evil.example',
  'https://evilapp.example',
  'https://app.example:8443',
  'http://app.example',
  'https://APP.example',
  'https://app.example/',
  'https://app.example, https://evil.example',
  '*',
]
const POLLING = '/socket.io/?EIO=4&transport=polling'

async function start(t: Test): Promise<TestGateway> {
  const gateway = await startGateway(t)
  gateway.store.changeSettings('demo', { origins: [ALLOWED] })
  gateway.core.push()
  const position = gateway.store.position()
  await eventually('the gateway follows', async () =>
    (await gateway.metrics()).includes(`gateway_credential_feed_position ${position}`),
  )
  return gateway
}

t.test('an upgrade or polling request of an app’s credential from another origin is 403', async (t) => {
  const gateway = await start(t)
  for (const origin of FOREIGN) {
    const fields = [...GOOD, `Origin: ${origin}`]
    t.equal((await openRawWebSocket(t, gateway.publicUrl, fields)).answer.status, 403, origin)
    for (const method of ['GET', 'POST']) {
      const text = requestText(`${method} ${POLLING} HTTP/1.1`, [...fields, 'Content-Length: 0'])
      t.equal((await sendRaw(gateway.publicUrl, text)).status, 403, `${method} ${origin}`)
    }
  }
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('from the app’s own origin, or from no browser, it passes, and the origin goes on', async (t) => {
  const gateway = await start(t)
  const socket = await openRawWebSocket(t, gateway.publicUrl, [...GOOD, `Origin: ${ALLOWED}`])
  t.equal(socket.answer.status, 101)
  t.strictSame((await gateway.upstream.next()).values('origin'), [ALLOWED])
  t.equal((await openRawWebSocket(t, gateway.publicUrl, [...GOOD])).answer.status, 101)
})

async function answerTo(t: Test, gateway: TestGateway, fields: string[], packet: string) {
  const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
  t.equal(socket.answer.status, 101)
  const { connection } = await gateway.upstream.next()
  socket.connection.write(frameBytes(packet))
  await eventually('the core has the packet', () => readTexts(connection.tunnelled()).length > 0)
  return readTexts(connection.tunnelled())[0] ?? ''
}

const AUTH = '421["auth2","ada-token",{"CLIENT_KEY":"demo_clientkey","Authorization":"ada-token"}]'

t.test(
  'an event that authenticates a socket from another origin is refused, and binds nothing',
  async (t) => {
    const gateway = await start(t)
    for (const origin of FOREIGN) {
      const text = await answerTo(t, gateway, [`Origin: ${origin}`], AUTH)
      t.match(text, '"refused":{"code":"ORIGIN_NOT_ALLOWED","RC":403}', origin)
      const connect = await answerTo(
        t,
        gateway,
        [`Origin: ${origin}`],
        '40{"token":"ada-token","CLIENT_KEY":"demo_clientkey"}',
      )
      t.equal(connect, '40', `${origin}: a CONNECT goes on as nobody’s`)
    }
    t.match(await answerTo(t, gateway, [`Origin: ${ALLOWED}`], AUTH), '"identity":')
    t.match(await answerTo(t, gateway, [], AUTH), '"identity":')
  },
)

t.test('in a polling body too', async (t) => {
  const gateway = await start(t)
  for (const [origin, expected] of [
    [FOREIGN[0], 'ORIGIN_NOT_ALLOWED'],
    [ALLOWED, '"identity":'],
  ] as const) {
    const fields = [`Origin: ${origin}`, `Content-Length: ${AUTH.length}`]
    await sendRaw(gateway.publicUrl, requestText(`POST ${POLLING}&sid=n.x HTTP/1.1`, fields, AUTH))
    t.match((await gateway.upstream.next()).body.toString(), expected)
  }
})
