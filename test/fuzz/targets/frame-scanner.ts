import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { FrameScanner } from '../../../gateway/tunnel/frame-scanner.ts'
import {
  carriesRawAuth,
  clientFrame,
  type Frame,
  readFrames,
  readMessages,
} from '../../gateway/tunnel/client-frames.ts'
import { fuzzTarget, must } from '../target.ts'
import { packetText } from './packet-text.ts'

// Oracles: one output for every way of cutting the bytes; messages out are the messages in, those given to the
// exchange apart; control frames all pass; and the core's own decoder finds no authentication in what passed.

type Message = { text: string; binary: boolean; cuts: number[]; control: number | null; raw: number[] | null }
type Input = { messages: Message[]; cuts: number[] }

const LIMITS = { maxMessageBytes: 2_000, maxHeldBytes: 500 }

type Seen = { passed: string; packets: string[]; violation: number | null; order: string[] }

function scan(chunks: readonly Buffer[], waits: boolean): Seen {
  const seen: Seen = { passed: '', packets: [], violation: null, order: [] }
  let stopped = false
  const scanner = new FrameScanner(
    {
      pass(bytes, start, end) {
        must(!stopped, 'bytes overtook a packet')
        seen.passed += bytes.toString('latin1', start, end)
      },
      packet(payload) {
        must(!stopped, 'a packet overtook a packet')
        seen.packets.push(payload.toString())
        seen.order.push(`${seen.passed.length}`)
        stopped = waits
        return !waits
      },
      violate(code) {
        seen.violation = code
      },
    },
    LIMITS,
  )
  for (const chunk of chunks) {
    const shared = Buffer.from(chunk)
    scanner.push(shared)
    shared.fill(0xff)
    while (stopped) {
      stopped = false
      scanner.resume()
    }
  }
  return seen
}

function slices(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

function encode({ text, binary, cuts, control, raw }: Message): Buffer {
  if (raw !== null) return Buffer.from(raw)
  const parts = slices(Buffer.from(text), cuts)
  const frames = parts.map((part, i) =>
    clientFrame(part, { opcode: i > 0 ? 0 : binary ? 2 : 1, final: i === parts.length - 1 }),
  )
  const between = control === null ? [] : [clientFrame('x', { opcode: control })]
  return Buffer.concat(frames.flatMap((frame) => [...between, frame]))
}

const isControl = ({ opcode }: Frame): boolean => opcode > 7

export const frameScanner = fuzzTarget<Input>({
  name: 'frame-scanner',
  inputs: fc.record({
    messages: fc.array(
      fc.record({
        text: packetText,
        binary: fc.boolean(),
        cuts: fc.array(fc.nat(300), { maxLength: 4 }),
        control: fc.option(fc.constantFrom(8, 9, 10)),
        raw: fc.option(fc.array(fc.nat(255), { maxLength: 12 }), { freq: 15 }),
      }),
      { maxLength: 5 },
    ),
    cuts: fc.array(fc.nat(2_000), { maxLength: 8 }),
  }),
  check({ messages, cuts }) {
    const bytes = Buffer.concat(messages.map(encode))
    const whole = scan([bytes], false)
    const bytewise = [...bytes].map((byte) => Buffer.of(byte))
    must(isDeepStrictEqual(scan(slices(bytes, cuts), false), whole), 'another output when cut')
    must(isDeepStrictEqual(scan(bytewise, false), whole), 'another output byte by byte')
    must(isDeepStrictEqual(scan(bytewise, true), whole), 'another output when packets wait')
    const passed = Buffer.from(whole.passed, 'latin1')
    const out = readMessages(passed)
    const texts = out.filter(({ opcode }) => opcode === 1).map(({ payload }) => payload.toString())
    for (const text of texts) must(!carriesRawAuth(text), `an authentication passed: ${text}`)
    if (whole.violation !== null) return
    const sent = readMessages(bytes)
    const given = [...whole.packets]
    const expected = sent.filter(({ opcode, payload }) => {
      const isGiven = opcode === 1 && payload.toString() === given[0]
      if (isGiven) given.shift()
      return !isGiven
    })
    must(given.length === 0, 'a packet that was never sent')
    must(isDeepStrictEqual(out, expected), 'other messages came out')
    must(
      isDeepStrictEqual(readFrames(passed).filter(isControl), readFrames(bytes).filter(isControl)),
      'other control frames came out',
    )
  },
})
