import t from 'tap'
import { eventually } from '../../support/eventually.ts'
import { GOOD, PLATFORM, startGateway } from '../../support/gateway.ts'
import { openRaw, requestText, sendRaw } from '../../support/raw-http.ts'
import { openRawWebSocket } from '../../support/raw-websocket.ts'
import { readTexts } from '../tunnel/client-frames.ts'

const authEvent = (token: string) => `42["auth","${token}",{"IM-Client-Key":"demo_clientkey"}]`
const me = (fields: readonly string[]) => requestText('GET /me HTTP/1.1', [...fields])
const OTHER = ['IM-Client-Key: other_clientkey', 'IM-Authorization: eve-token'] as const
const BAD = ['IM-Client-Key: demo_clientkey', 'IM-Authorization: guessed'] as const

t.test(
  'a platform key has so many requests a minute; one more is 429, and the connection stays',
  async (t) => {
    const gateway = await startGateway(t, { env: { RATE_LIMIT_PLATFORM: '5' } })
    const connection = await openRaw(gateway.publicUrl)
    t.teardown(() => connection.destroy())
    for (let i = 0; i < 5; i++) {
      connection.write(me(PLATFORM))
      t.equal((await connection.response()).status, 200)
    }
    connection.write(me(PLATFORM))
    const refused = await connection.response()
    t.equal(refused.status, 429)
    t.match(refused.json(), { RC: 429, error: { code: 'RATE_LIMIT_EXCEEDED' }, retryAfter: Number })
    const { retryAfter } = refused.json() as { retryAfter: number }
    t.ok(retryAfter >= 1 && retryAfter <= 120)
    t.equal(refused.header('retry-after'), `${retryAfter}`)
    t.equal(refused.header('access-control-allow-origin'), '*')
    connection.write(me(GOOD))
    t.equal((await connection.response()).status, 200, 'another credential is not concerned')
    t.equal(gateway.upstream.requests.length, 6)
    t.match(await gateway.metrics(), /gateway_refusals_total\{code="RATE_LIMIT_EXCEEDED"\} 1/)
  },
)

t.test('each client has its own budget', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_CLIENT: '2' } })
  const statuses: number[] = []
  for (const fields of [GOOD, GOOD, GOOD, OTHER])
    statuses.push((await sendRaw(gateway.publicUrl, me(fields))).status)
  t.same(statuses, [200, 200, 429, 200])
})

t.test('an address has so many refusals a minute, and good credentials from it go on', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '3' } })
  const statuses: number[] = []
  for (const fields of [BAD, [], BAD, BAD, [], GOOD])
    statuses.push((await sendRaw(gateway.publicUrl, me(fields))).status)
  t.same(statuses, [401, 401, 401, 429, 429, 200])
})

t.test('requests without a user are counted by their address', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_ADDRESS: '2', TRUSTED_PROXIES: '127.0.0.1' } })
  const sign = (address: string) =>
    requestText('POST /auths/sign/v2 HTTP/1.1', [
      'IM-Client-Key: demo_clientkey',
      `X-Forwarded-For: ${address}`,
      'Content-Length: 0',
    ])
  const statuses: number[] = []
  const addresses = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1', '192.0.2.1']
  for (const address of addresses) statuses.push((await sendRaw(gateway.publicUrl, sign(address))).status)
  t.same(statuses, [200, 200, 429, 200, 200], 'an IPv6 network is one address')
})

t.test('upgrades count', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_ADDRESS: '2' } })
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) statuses.push((await openRawWebSocket(t, gateway.publicUrl)).answer.status)
  t.same(statuses, [101, 101, 429])
})

t.test('authentications inside a socket count, for the credential and for the address', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '2', RATE_LIMIT_CLIENT: '2' } })
  t.equal((await sendRaw(gateway.publicUrl, me(GOOD))).status, 200)
  await gateway.upstream.next()
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  const { connection } = await gateway.upstream.next()
  const received = () => readTexts(connection.tunnelled()).join('\n')
  const tokens = ['bad-1', 'bad-2', 'bad-3', 'ada-token', 'ada-token']
  for (const token of tokens) socket.sendText(authEvent(token))
  await eventually('all have been exchanged', () => received().split('42["auth"').length > tokens.length)
  t.equal(received().match(/INVALID_TOKEN/g)?.length, 2)
  t.equal(received().match(/RATE_LIMIT_EXCEEDED/g)?.length, 2, 'a bad one, and a good one too many')
  t.equal(received().match(/"identity":/g)?.length, 1)
})

t.test('a session that long-polls is counted by who authenticated in it, else by its address', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_ADDRESS: '2', RATE_LIMIT_CLIENT: '4' } })
  const poll = (sid: string) => requestText(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`, [])
  const body = authEvent('ada-token')
  const post = requestText(
    'POST /socket.io/?EIO=4&transport=polling&sid=mine HTTP/1.1',
    ['Content-Type: text/plain', `Content-Length: ${body.length}`],
    body,
  )
  t.equal((await sendRaw(gateway.publicUrl, post)).status, 200)
  const statuses: number[] = []
  for (const sid of ['mine', 'mine', 'mine', 'mine', 'other', 'other'])
    statuses.push((await sendRaw(gateway.publicUrl, poll(sid))).status)
  t.same(statuses, [200, 200, 200, 429, 200, 429])
})
