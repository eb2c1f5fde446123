/**
 * What costs little to send over HTTP/2 and much to receive: streams opened to be reset at once (CVE-2023-44487),
 * header blocks without end (CVE-2024-27316 and its family), thousands of fields, a body that is not as long as it
 * says. Sent as raw frames, since no client library would.
 */
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import {
  END_HEADERS,
  END_STREAM,
  frame,
  headerBlock,
  readFrames,
  START,
  sendFields,
  TYPES,
} from '../support/h2-frames.ts'
import { openHttp2, openTls, requestHttp2, startTlsGateway } from '../support/tls-gateway.ts'

const PSEUDO = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', '/me'],
] as const
const GOOD = [
  ['im-client-key', 'demo_clientkey'],
  ['im-authorization', 'ada-token'],
] as const
const POST = [[':method', 'POST'], ...PSEUDO.slice(1)] as const

t.test('streams that are opened to be reset end the connection, and the core sees few of them', async (t) => {
  const gateway = await startTlsGateway(t)
  gateway.upstream.answerWith(() => 'hang')
  const socket = await openTls(t, gateway, gateway.certificate.cert, ['h2'])
  const { frames, closed } = readFrames(socket)
  socket.write(START)
  const cancel = Buffer.from([0, 0, 0, 8])
  let stream = 1
  for (let burst = 0; burst < 40 && !socket.destroyed; burst++) {
    const sent: Buffer[] = []
    for (let i = 0; i < 50; i++, stream += 2)
      sent.push(
        frame(TYPES.headers, END_HEADERS | END_STREAM, stream, headerBlock([...PSEUDO, ...GOOD])),
        frame(TYPES.reset, 0, stream, cancel),
      )
    socket.write(Buffer.concat(sent))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closed
  t.ok(frames.some(({ type }) => type === TYPES.goAway))
  t.ok(gateway.upstream.requests.length < 1_000, `${gateway.upstream.requests.length} of ${stream >> 1}`)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  gateway.upstream.answerWith(() => 'HTTP/1.1 204 OK\r\n\r\n')
  const answer = await requestHttp2(session, { ':path': '/me', ...Object.fromEntries(GOOD) })
  t.equal(answer.status, 204, 'others are served')
})

t.test('a header block without end closes its connection', async (t) => {
  const gateway = await startTlsGateway(t)
  const socket = await openTls(t, gateway, gateway.certificate.cert, ['h2'])
  const { closed } = readFrames(socket)
  socket.write(Buffer.concat([START, frame(TYPES.headers, END_STREAM, 1, headerBlock(PSEUDO))]))
  const more = frame(TYPES.continuation, 0, 1, headerBlock([['x', 'a'.repeat(8_000)]]))
  for (let i = 0; i < 2_000 && !socket.destroyed; i++) {
    socket.write(more)
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await closed
  t.equal(gateway.upstream.requests.length, 0)
})

t.test(
  'too many fields, or too much of them, are refused or reset, and never forwarded in part',
  async (t) => {
    const gateway = await startTlsGateway(t)
    const many = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`x-${i}`, '1']))
    const tooMany = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, '1']))
    for (const fields of [many, tooMany, { x: 'a'.repeat(14_000), y: 'b'.repeat(14_000) }]) {
      const session = await openHttp2(t, gateway, gateway.certificate.cert)
      const answer = await requestHttp2(session, { ':path': '/me', ...Object.fromEntries(GOOD), ...fields })
      t.ok(answer.status === 0 || answer.status === 431, `${answer.status}`)
      session.destroy()
    }
    t.equal(gateway.upstream.requests.length, 0)
  },
)

const lengths: [string, number, string][] = [
  ['shorter than it says', 10, 'five!'],
  ['longer than it says', 3, 'five!'],
  ['none where it says some', 5, ''],
]
for (const [what, length, body] of lengths) {
  t.test(`a small body that is ${what} resets its stream, and the core hears nothing`, async (t) => {
    const gateway = await startTlsGateway(t)
    const socket = await openTls(t, gateway, gateway.certificate.cert, ['h2'])
    const { frames } = readFrames(socket)
    const block = headerBlock([...POST, ...GOOD, ['content-length', `${length}`]])
    socket.write(
      Buffer.concat([
        START,
        frame(TYPES.headers, END_HEADERS, 1, block),
        frame(TYPES.data, END_STREAM, 1, Buffer.from(body)),
      ]),
    )
    await eventually(
      'the stream or its connection ends',
      () => socket.destroyed || frames.some(({ type }) => type === TYPES.reset),
    )
    t.equal(gateway.upstream.requests.length, 0)
  })
}

t.test('fields that frame HTTP/1.1 are malformed here', async (t) => {
  const gateway = await startTlsGateway(t)
  const forbidden = [
    ['connection', 'close'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'websocket'],
    ['keep-alive', '1'],
    ['proxy-connection', 'close'],
    ['te', 'gzip'],
    ['Upper-Case', '1'],
    ['x', 'a\r\nIM-Identity: forged'],
    ['x', 'a\0b'],
    ['x y', '1'],
    ['', '1'],
    [':path', '/admin'],
    [':unknown', '1'],
  ] as const
  for (const field of forbidden) {
    const socket = await openTls(t, gateway, gateway.certificate.cert, ['h2'])
    await sendFields(socket, [...PSEUDO, ...GOOD, field])
    socket.destroy()
  }
  for (const { head } of gateway.upstream.requests) t.notMatch(head, /forged|Upper|admin|websocket|gzip/)
})
