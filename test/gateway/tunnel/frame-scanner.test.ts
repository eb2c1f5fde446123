import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { FrameScanner } from '../../../gateway/tunnel/frame-scanner.ts'
import { carriesRawAuth, clientFrame, fragments, MASK, readFrames, readTexts } from './client-frames.ts'

const LIMITS = { maxMessageBytes: 4_096, maxHeldBytes: 1_024 }

type Seen = { passed: string; packets: string[]; violation: number | undefined; order: string }

function scan(chunks: readonly Buffer[], stopAtPackets = false): Seen {
  const passed: Buffer[] = []
  const packets: string[] = []
  const order: string[] = []
  let violation: number | undefined
  let isStopped = false
  const scanner = new FrameScanner(
    {
      pass(chunk, start, end) {
        if (isStopped) throw new Error('bytes overtook a packet')
        const bytes = Buffer.from(chunk.subarray(start, end))
        passed.push(bytes)
        order.push(bytes.toString('hex'))
      },
      packet(payload) {
        if (isStopped) throw new Error('a packet overtook a packet')
        packets.push(payload.toString())
        order.push(` packet ${payload} `)
        isStopped = stopAtPackets
        return !stopAtPackets
      },
      violate(code) {
        violation = code
      },
    },
    LIMITS,
  )
  for (const chunk of chunks) {
    // Only valid during the call, as the memory that sockets are read into.
    const shared = Buffer.from(chunk)
    scanner.push(shared)
    shared.fill(0xff)
    while (isStopped) {
      isStopped = false
      scanner.resume()
    }
  }
  return { passed: Buffer.concat(passed).toString('hex'), packets, violation, order: order.join('') }
}

const bytewise = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]))

const AUTH = '420["auth2","token",{"CLIENT_KEY":"key"}]'
const big = 'x'.repeat(300)
const SCRIPT = [
  clientFrame('40'),
  clientFrame('420["conf",{"encoding":"base64"}]'),
  clientFrame(AUTH),
  clientFrame('', { opcode: 9 }),
  clientFrame(`42["chat message",{"message":"${big}"}]`),
  clientFrame(Buffer.alloc(200, 7), { opcode: 2 }),
  fragments(['4', '2["cha', 't message"]']),
  fragments(['42["\\u00', '61uth', '","late"]']),
  Buffer.concat([
    clientFrame('42["au', { final: false }),
    clientFrame('ping', { opcode: 9 }),
    clientFrame('', { opcode: 0, final: false }),
    clientFrame('th","between"]', { opcode: 0 }),
  ]),
  Buffer.concat([
    clientFrame('42["ot', { final: false }),
    clientFrame('pong', { opcode: 10 }),
    clientFrame('her"]', { opcode: 0 }),
  ]),
  clientFrame('3'),
  clientFrame(`40{"token":"${big}"}`),
  clientFrame(Buffer.from([3, 232]), { opcode: 8 }),
]
const EXCHANGED = [AUTH, '42["\\u0061uth","late"]', '42["auth","between"]', `40{"token":"${big}"}`]

t.test('what is not exchanged passes byte for byte, and what is, is given whole', async (t) => {
  const seen = scan(SCRIPT)
  t.same(seen.packets, EXCHANGED)
  t.equal(seen.violation, undefined)
  const sent = readFrames(Buffer.concat(SCRIPT)).filter(({ opcode }) => opcode > 7)
  const control = readFrames(Buffer.from(seen.passed, 'hex')).filter(({ opcode }) => opcode > 7)
  t.same(control, sent, 'control frames all pass')
  const texts = readTexts(Buffer.concat(SCRIPT)).filter((text) => !EXCHANGED.includes(text))
  const passed = Buffer.from(seen.passed, 'hex')
  // A control frame may come out before the fragment that was held; the messages are the same.
  t.same(readTexts(passed), texts)
  t.notOk(texts.some(carriesRawAuth))
})

t.test(
  'what passes is told of by its place in the chunk, of which no more is looked at than was read',
  async (t) => {
    const frames = Buffer.concat([clientFrame('3'), clientFrame('42["typing","r"]'), clientFrame('41')])
    const chunk = Buffer.concat([frames, clientFrame('42["auth","old"]')])
    const passed: Buffer[] = []
    const sink = {
      pass(bytes: Buffer, start: number, end: number) {
        t.equal(bytes, chunk)
        passed.push(bytes.subarray(start, end))
      },
      packet: () => t.fail('what was there before') === undefined,
      violate: () => t.fail('what was there before'),
    }
    new FrameScanner(sink, LIMITS).push(chunk, frames.length)
    t.same(Buffer.concat(passed), frames)
  },
)

t.test('every single cut, and every byte alone, gives the same output', async (t) => {
  const bytes = Buffer.concat(SCRIPT)
  const whole = scan([bytes])
  for (let at = 1; at < bytes.length; at++) {
    const cut = scan([bytes.subarray(0, at), bytes.subarray(at)])
    if (cut.order !== whole.order) t.fail(`cut at ${at}`)
  }
  t.same(scan(bytewise(bytes)), whole)
  t.same(scan(bytewise(bytes), true), whole, 'also when every packet has to wait')
  t.same(scan([bytes], true), whole)
})

const payload = fc.oneof(
  fc.constantFrom(
    AUTH,
    '42["auth","x"]',
    '40',
    '40{}',
    '3',
    '2probe',
    '42["\\u0061uth"]',
    '42["other",1]',
    '4',
    '',
  ),
  fc.constantFrom('42/admin,["auth"]', '451-["auth"]', '451-["x",{"_placeholder":true,"num":0}]', '42["auth'),
  fc.string({ maxLength: 40 }).map((text) => `42["${text}`),
)
const message = fc
  .record({ payload, cuts: fc.array(fc.nat(50), { maxLength: 3 }), ping: fc.boolean(), binary: fc.boolean() })
  .map(({ payload, cuts, ping, binary }) => {
    const at = [0, ...cuts.map((cut) => Math.min(cut, payload.length)).sort((a, b) => a - b), payload.length]
    const parts = at.slice(1).map((end, i) => payload.slice(at[i], end))
    const frames = parts.map((part, i) =>
      clientFrame(part, {
        opcode: i === 0 ? (binary ? 2 : 1) : 0,
        final: i === parts.length - 1,
        mask: Buffer.from([i, 200, payload.length & 255, 9]),
      }),
    )
    return Buffer.concat(
      frames.flatMap((frame) => (ping ? [clientFrame('p', { opcode: 9 }), frame] : [frame])),
    )
  })
const junk = fc.oneof(
  { weight: 9, arbitrary: message },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
)

t.test(
  'whatever is sent and however it is cut: one output, and no authentication in what passed',
  async (t) => {
    const property = fc.property(
      fc.array(junk, { maxLength: 6 }),
      fc.array(fc.nat(400), { maxLength: 8 }),
      (messages, cuts) => {
        const bytes = Buffer.concat(messages)
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
        const whole = scan([bytes])
        const cut = scan(at.slice(1).map((end, i) => bytes.subarray(at[i], end)))
        return (
          isDeepStrictEqual(cut, whole) &&
          isDeepStrictEqual(scan(bytewise(bytes), true), whole) &&
          !readTexts(Buffer.from(whole.passed, 'hex')).some(carriesRawAuth)
        )
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
  },
)

t.test('a violation of RFC 6455 closes with 1002, and nothing of the frame passes', async (t) => {
  const violations: Record<string, Buffer> = {
    'an unmasked frame': clientFrame('3', { mask: undefined }),
    'a reserved bit': clientFrame('3', { reserved: 4 }),
    'a reserved data opcode': clientFrame('3', { opcode: 3 }),
    'a reserved control opcode': clientFrame('', { opcode: 11 }),
    'a continuation of nothing': clientFrame('3', { opcode: 0 }),
    'a text inside a fragmented message': Buffer.concat([
      clientFrame('42["x', { final: false }),
      clientFrame('42["auth"]'),
    ]),
    'a control frame in fragments': clientFrame('', { opcode: 9, final: false }),
    'a control frame above 125 bytes': clientFrame('x'.repeat(126), { opcode: 9 }),
    'a length that is not the shortest': Buffer.concat([
      Buffer.from([0x81, 0xfe, 0, 1]),
      MASK,
      Buffer.from([0]),
    ]),
    'a 64-bit length with the high bit': Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1]),
  }
  for (const [name, bytes] of Object.entries(violations)) {
    const seen = scan([clientFrame('3'), bytes, clientFrame('42["never"]')])
    t.equal(seen.violation, 1002, name)
    t.notOk(readTexts(Buffer.from(seen.passed, 'hex')).includes('42["never"]'), name)
    t.same(scan(bytewise(Buffer.concat([clientFrame('3'), bytes]))).violation, 1002, name)
  }
})

t.test('a message above its limit closes with 1009 before it is sent whole', async (t) => {
  t.equal(scan([clientFrame('x'.repeat(4_097), { opcode: 2 }).subarray(0, 20)]).violation, 1009)
  const many = fragments(Array.from({ length: 5 }, () => 'y'.repeat(1_000)))
  t.equal(scan([many]).violation, 1009, 'the sum of the fragments counts')
  t.equal(scan([clientFrame(`42["auth","${'z'.repeat(1_100)}"]`).subarray(0, 40)]).violation, 1009)
  const slow = [clientFrame('42["auth","', { final: false })]
  for (let i = 0; i < 120; i++) slow.push(clientFrame('zzzzzzzzzz', { opcode: 0, final: false }))
  t.equal(scan(slow).violation, 1009, 'a held message in small fragments is bounded too')
})

t.test('a message that stays undecided in empty fragments closes with 1008', async (t) => {
  const frames = [clientFrame('42', { final: false })]
  for (let i = 0; i < 200; i++) frames.push(clientFrame('', { opcode: 0, final: false }))
  const seen = scan(frames)
  t.equal(seen.violation, 1008)
  t.equal(seen.passed, '')
})
