/**
 * A gateway that takes any answer to an upgrade for a tunnel lets the client speak raw bytes to the core on a
 * connection that the core still reads as HTTP: request smuggling past every check (Envoy CVE-2024-23326, Pingora
 * CVE-2026-2833, http-proxy CVE-2026-130647). Only the one right 101 opens a tunnel. After anything else the core has
 * received the handshake and not one byte more, and both connections are closed.
 */
import t from 'tap'
import { clientFrame } from '../gateway/tunnel/client-frames.ts'
import { ACCEPT, startStand, upgradeText } from '../gateway/tunnel/stand.ts'
import { openRaw } from '../support/raw-http.ts'
import {
  type Answer,
  acceptUpgrade,
  answerText,
  startRecordingUpstream,
} from '../support/recording-upstream.ts'

const SMUGGLED = 'GET /admin/clients HTTP/1.1\r\nHost: core\r\nIM-Identity: forged\r\n\r\n'

const head = (lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const RIGHT = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Accept: ${ACCEPT}`,
]
const without = (start: string): string[] => RIGHT.filter((line) => !line.startsWith(start))

const forged: Record<string, string> = {
  'no Upgrade': head(without('Upgrade')),
  'no Connection': head(without('Connection')),
  'no Sec-WebSocket-Accept': head(without('Sec-')),
  'the accept of another key': head([
    ...without('Sec-'),
    'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  ]),
  'two accepts': head([...RIGHT, `Sec-WebSocket-Accept: ${ACCEPT}`]),
  h2c: head([...without('Upgrade'), 'Upgrade: h2c']),
  'an extension': head([...RIGHT, 'Sec-WebSocket-Extensions: permessage-deflate']),
  'a subprotocol that was not offered': head([...RIGHT, 'Sec-WebSocket-Protocol: other']),
  'a body': head([...RIGHT, 'Content-Length: 2']),
  'a chunked body': head([...RIGHT, 'Transfer-Encoding: chunked']),
  'status 100': head(['HTTP/1.1 100 Continue']),
  'status 200 without a length, cut': 'HTTP/1.1 200 OK',
  'bare line feeds': `${RIGHT.join('\n')}\n\n${'x'.repeat(20_000)}`,
  'a folded field': head([...RIGHT.slice(0, 3), 'Sec-WebSocket-Accept:', ` ${ACCEPT}`]),
  'a head without end': `${RIGHT.join('\r\n')}\r\n${'X-Long: y\r\n'.repeat(2_000)}`,
  'no HTTP at all': '\x82\x00'.repeat(10_000),
}

for (const [name, answer] of Object.entries(forged))
  t.test(`a 101 with ${name} opens no tunnel`, async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port], limits: { handshakeTimeoutMs: 300 } })
    core.answerWith(() => answer)
    const client = await openRaw(stand.port)
    client.write(`${upgradeText()}${SMUGGLED}`)
    const { status } = await client.response()
    t.ok(status === 502 || status === 504, `answered with ${status}`)
    client.write(clientFrame('42["auth","good"]'))
    const { connection } = await core.next()
    await Promise.all([client.closed, connection.closed])
    t.notMatch(connection.received().toString('latin1'), /admin|forged/)
    t.equal(connection.received().toString('latin1').split('\r\n\r\n')[1], '')
    t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 0 })
  })

t.test('a refusal of the core is relayed with its body, and then both are closed', async (t) => {
  const refusals: [Answer, number, unknown][] = [
    [answerText(400, { code: 5 }, ['IM-Credential-Position: 7', 'Connection: keep-alive']), 400, { code: 5 }],
    ['HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', 403, {}],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}', 200, {}],
  ]
  for (const [answer, status, body] of refusals) {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port] })
    core.answerWith(() => answer)
    const client = await openRaw(stand.port)
    client.write(`${upgradeText()}${SMUGGLED}`)
    const response = await client.response()
    t.equal(response.status, status)
    t.same(response.json(), body)
    t.equal(response.header('connection'), 'close')
    t.equal(response.header('im-credential-position'), undefined)
    t.equal(response.header('transfer-encoding'), undefined)
    const { connection } = await core.next()
    await Promise.all([client.closed, connection.closed])
    t.notMatch(connection.received().toString('latin1'), /admin/)
  }
})

t.test('a refusal whose body is without end, or above its limit, is a bad gateway', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, {
    cores: [core.port],
    limits: { handshakeTimeoutMs: 300, maxAnswerBodyBytes: 1_000 },
  })
  core.answerWith(() => `HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(1_999)}`)
  const large = await openRaw(stand.port)
  large.write(upgradeText())
  t.equal((await large.response()).status, 502)
  core.answerWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nx')
  const endless = await openRaw(stand.port)
  endless.write(upgradeText())
  t.equal((await endless.response()).status, 504)
})

t.test('the right 101 opens one, cut anywhere', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  core.answerWith(async (request) => {
    const answer = acceptUpgrade(request)
    request.connection.write(answer.slice(0, 40))
    await new Promise((resolve) => setImmediate(resolve))
    request.connection.write(answer.slice(40))
    return 'hang'
  })
  const client = await openRaw(stand.port)
  client.write(upgradeText())
  t.equal((await client.response()).status, 101)
})
