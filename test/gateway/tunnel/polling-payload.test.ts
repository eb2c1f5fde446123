import { createRequire } from 'node:module'
import { encodePayload as encode4 } from 'engine.io-parser'
import fc from 'fast-check'
import t from 'tap'
import { encodePollingPayload, parsePollingPayload } from '../../../gateway/tunnel/polling-payload.ts'

type Packet = { type: string; data?: string | Buffer }
type Parser3 = {
  encodePayload(packets: Packet[], supportsBinary: boolean, done: (body: string) => void): void
  encodePayloadAsBinary(packets: Packet[], done: (body: Buffer) => void): void
}
const require = createRequire(import.meta.url)
const parser3: Parser3 = require(
  new URL('../../../node_modules/engine.io/build/parser-v3/index.js', import.meta.url).pathname,
)

const bodyOf = (write: (done: (body: string | Buffer) => void) => void): Buffer => {
  let body: string | Buffer = ''
  write((written) => {
    body = written
  })
  return Buffer.from(body)
}

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((part) => `2${JSON.stringify(['x', part])}`)
const packets = fc.array(
  fc.oneof(
    text.map((data): Packet => ({ type: 'message', data })),
    fc.constant<Packet>({ type: 'ping' }),
  ),
  { minLength: 1, maxLength: 5 },
)
const withBinary = fc.array(
  fc.oneof(
    text.map((data): Packet => ({ type: 'message', data })),
    fc.uint8Array({ maxLength: 20 }).map((bytes): Packet => ({ type: 'message', data: Buffer.from(bytes) })),
  ),
  { minLength: 1, maxLength: 5 },
)

const textOf = ({ type, data = '' }: Packet): string | Buffer =>
  typeof data === 'string' ? (type === 'ping' ? '2' : '4') + data : Buffer.concat([Buffer.from([4]), data])

t.test("what the clients' own encoders write is read, and written again the same", async (t) => {
  const property = fc.property(packets, withBinary, (texts, mixed) => {
    const bodies: [Buffer, 3 | 4, Packet[]][] = [
      [bodyOf((done) => encode4(texts as Parameters<typeof encode4>[0], done)), 4, texts],
      [bodyOf((done) => parser3.encodePayload(texts, false, done)), 3, texts],
      [bodyOf((done) => parser3.encodePayloadAsBinary(mixed, done)), 3, mixed],
    ]
    return bodies.every(([body, protocol, sent]) => {
      const payload = parsePollingPayload(body, protocol)
      return (
        payload !== undefined &&
        encodePollingPayload(payload).equals(body) &&
        payload.packets.every((packet, i) => Buffer.from(packet).equals(Buffer.from(textOf(sent[i]!))))
      )
    })
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
})

t.test('binary packets pass as base64 too', async (t) => {
  t.same(parsePollingPayload(Buffer.from('451-["x",{}]\x1ebAAEC'), 4)?.packets, ['451-["x",{}]', 'bAAEC'])
  t.same(parsePollingPayload(Buffer.from('6:b4AAEC'), 3)?.packets, ['b4AAEC'])
})

t.test('what no client writes is not read', async (t) => {
  const bodies: [string, 3 | 4][] = [
    ['', 4],
    ['', 3],
    ['\x1e', 4],
    ['2\x1e', 4],
    ['0{}', 4],
    ['7', 4],
    ['2x', 4],
    ['x', 4],
    ['5:42[1]', 3 as const].slice(0, 2) as [string, 3 | 4],
    ['6:42[1]', 3],
    ['05:42[1]', 3],
    ['1e0:4', 3],
    ['0x1:4', 3],
    [' 1:2', 3],
    ['1:2x', 3],
    ['42["x"]', 3],
    ['8:42["\x1e"]', 3],
    ['9999999999:2', 3],
  ]
  const refused = bodies.filter(([body]) => body !== '5:42[1]')
  for (const [body, protocol] of refused)
    t.equal(parsePollingPayload(Buffer.from(body), protocol), undefined, JSON.stringify(body))
  const bytes = [
    [0, 1, 0xff],
    [0, 0xff, 0x32],
    [0, 10, 0xff, 0x32],
    [0, 2, 0xff, 0x32],
    [2, 1, 0xff, 0x32],
    [0, 1, 0xff, 0xff],
    [1, 1, 0xff, 5],
    [0x31, 0x3a, 0xff],
  ]
  for (const body of bytes) t.equal(parsePollingPayload(Buffer.from(body), 3), undefined, body.join(' '))
  t.equal(parsePollingPayload(Buffer.from([0, 1, 0xff, 0x32]), 4), undefined, 'binary framing is EIO3 only')
  t.ok(parsePollingPayload(Buffer.from([0, 1, 0xff, 0x32]), 3))
})
