/**
 * A credential ends while sockets live by it. The gateway closes them by itself, whatever the core does (here a core
 * that keeps every connection open): exactly those of the credential, the user or the app, and refuses what a
 * long-polling session of it still asks, on whichever transport. Precedents: CVE-2026-34503 and its kind.
 */
import t, { type Test } from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket, type RawWebSocket } from '../support/raw-websocket.ts'

const POLLING = '/socket.io/?EIO=4&transport=polling'
const fieldsOf = (token: string) => ['IM-Client-Key: demo_clientkey', `IM-Authorization: ${token}`]
const auth = (token: string) => `421["auth2","${token}",{"CLIENT_KEY":"demo_clientkey"}]`

async function start(t: Test): Promise<TestGateway> {
  const gateway = await startGateway(t)
  for (const [token, user] of [
    ['ann-1', 'ann'],
    ['ann-2', 'ann'],
    ['ben-1', 'ben'],
  ] as const)
    gateway.store.bind('demo', token, user)
  gateway.core.push()
  return gateway
}

const byHeader = (t: Test, { publicUrl }: TestGateway, token: string) =>
  openRawWebSocket(t, publicUrl, fieldsOf(token))

async function byEvent(t: Test, { publicUrl, upstream }: TestGateway, token: string): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(t, publicUrl)
  const { connection } = upstream.requests.at(-1)!
  socket.connection.write(frameBytes(auth(token)))
  await eventually('it is somebody', () => readTexts(connection.tunnelled()).join().includes('"identity"'))
  return socket
}

const CLOSE_4401 = Buffer.from([0x11, 0x31])

async function endsWith4401(t: Test, sockets: RawWebSocket[]): Promise<void> {
  for (const { connection } of sockets) {
    const left = await connection.untilClosed()
    t.equal(left[0], 0x88, 'a close frame')
    t.ok(left.subarray(2, 4).equals(CLOSE_4401))
  }
}

const ENDS = {
  'a token is revoked': ({ store }: TestGateway) => store.revokeToken('demo', 'ann-1'),
  'a user is disabled': ({ store }: TestGateway) => store.revokeUser('demo', 'ann'),
}

for (const [what, end] of Object.entries(ENDS))
  t.test(`${what}: its tunnels are closed, and no other`, async (t) => {
    const gateway = await start(t)
    const gone = [await byHeader(t, gateway, 'ann-1'), await byEvent(t, gateway, 'ann-1')]
    const second = await byHeader(t, gateway, 'ann-2')
    const stays = [await byHeader(t, gateway, 'ben-1'), await openRawWebSocket(t, gateway.publicUrl)]
    const isUser = what === 'a user is disabled'
    ;(isUser ? gone : stays).push(second)
    end(gateway)
    gateway.core.push()
    await endsWith4401(t, gone)
    t.notOk(stays.some(({ connection }) => connection.isClosed()))
  })

t.test('a platform key is revoked: the sockets that it opened are closed', async (t) => {
  const gateway = await start(t)
  const socket = await openRawWebSocket(t, gateway.publicUrl, ['IM-API-KEY: demo_apikey'])
  const { digest } = gateway.core.introspections.find(({ kind }) => kind === 'platform-key')!
  gateway.store.revoke('demo', digest)
  gateway.core.push()
  await endsWith4401(t, [socket])
})

t.test('a token expires: its tunnels are closed within the second', async (t) => {
  const gateway = await start(t)
  gateway.store.bind('demo', 'short', 'ann', Date.now() + 1_500)
  gateway.core.push()
  const socket = await byHeader(t, gateway, 'short')
  t.equal(socket.answer.status, 101)
  await endsWith4401(t, [socket])
})

t.test('a polling session of it is refused from then on, to poll, to write and to upgrade', async (t) => {
  const gateway = await start(t)
  const { publicUrl, upstream, store, core } = gateway
  const body = auth('ann-1')
  const post = (sid: string, text: string) =>
    sendRaw(
      publicUrl,
      requestText(
        `POST ${POLLING}&sid=${sid} HTTP/1.1`,
        [`Content-Length: ${Buffer.byteLength(text)}`],
        text,
      ),
    )
  t.equal((await post('n.mine', body)).status, 200)
  t.match(upstream.requests.at(-1)?.body.toString(), '"identity"')
  t.equal((await post('n.other', '3')).status, 200)
  store.revokeToken('demo', 'ann-1')
  core.push()
  await eventually('it is refused', async () => (await post('n.mine', '3')).status === 401)
  t.equal((await sendRaw(publicUrl, requestText(`GET ${POLLING}&sid=n.mine HTTP/1.1`))).status, 401)
  const forwarded = upstream.requests.length
  const upgrade = await openRawWebSocket(t, publicUrl, [], '/socket.io/?EIO=4&transport=websocket&sid=n.mine')
  t.equal(upgrade.answer.status, 401)
  t.equal(upstream.requests.length, forwarded)
  t.equal((await post('n.other', '3')).status, 200)
})

t.test(
  'a session that polls and upgrades is one: authenticated by the one, closed on the other',
  async (t) => {
    const gateway = await start(t)
    const { publicUrl, store, core, metrics } = gateway
    const socket = await openRawWebSocket(
      t,
      publicUrl,
      [],
      '/socket.io/?EIO=4&transport=websocket&sid=n.both',
    )
    t.equal(socket.answer.status, 101)
    const body = auth('ann-1')
    const fields = [`Content-Length: ${Buffer.byteLength(body)}`]
    t.equal(
      (await sendRaw(publicUrl, requestText(`POST ${POLLING}&sid=n.both HTTP/1.1`, fields, body))).status,
      200,
    )
    t.match(await metrics(), 'gateway_tunnels{state="identified"} 1')
    store.revokeToken('demo', 'ann-1')
    core.push()
    await endsWith4401(t, [socket])
  },
)
