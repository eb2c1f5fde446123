import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import { decodePayload as decode4 } from 'engine.io-parser'
import fc from 'fast-check'
import { createPollingExchange } from '../../../gateway/tunnel/polling-exchange.ts'
import { encodePollingPayload, parsePollingPayload } from '../../../gateway/tunnel/polling-payload.ts'
import { createPollingSessions } from '../../../gateway/tunnel/polling-sessions.ts'
import { carriesRawAuth } from '../../gateway/tunnel/client-frames.ts'
import { fuzzTarget, must } from '../target.ts'
import { packetText } from './packet-text.ts'

// Oracle: the core's own parsers, of every revision in which a session could have begun. Under none of them may a body
// that goes on hold an authentication that was not exchanged; and what is read is the same once it is written again.

type Parsed = { type: string; data?: unknown }
type Parser3 = { decodePayload(body: string | Buffer, done: (packet: Parsed) => void): void }
const parser3: Parser3 = createRequire(import.meta.url)(
  new URL('../../../node_modules/engine.io/build/parser-v3/index.js', import.meta.url).pathname,
)
const ORIGIN = { origin: undefined, address: '192.0.2.1', app: undefined, socket: true }
const exchangeBody = createPollingExchange({
  // As if every packet given to it were replaced by something harmless.
  exchange: () => ({ text: '42["exchanged"]', identity: undefined }),
  sessions: createPollingSessions(() => 0),
  limits: { maxMessageBytes: 4_096, maxHeldBytes: 512 },
})

function readings(body: Buffer): Parsed[] {
  const packets: Parsed[] = [...decode4(body.toString())]
  for (const form of [body.toString(), body])
    try {
      parser3.decodePayload(form, (packet) => void packets.push(packet))
    } catch {
      // A body that makes the core's parser throw carries nothing.
    }
  return packets
}

const isRaw = ({ type, data }: Parsed): boolean =>
  type === 'message' && typeof data === 'string' && carriesRawAuth(`4${data}`)

const piece = fc.oneof(
  packetText,
  packetText.map((text) => `${text.length}:${text}`),
  packetText.map((text) => `${Buffer.byteLength(text)}:${text}`),
  packetText.map((text) => {
    const bytes = Buffer.from(text)
    const digits = [...`${bytes.length}`].map((digit) => String.fromCharCode(Number(digit)))
    return `\0${digits.join('')}\xff${bytes.toString('latin1')}`
  }),
  fc.constantFrom(
    '\x1e',
    '\x1e',
    ':',
    '1:',
    '17:',
    '0:',
    '\0',
    '\x01',
    '\xff',
    '2',
    'b4',
    'd=',
    '\n',
    '\\n',
    '%',
  ),
)

/** Bytes as latin-1 text. */
export const pollingBodies = fuzzTarget<string>({
  name: 'polling-bodies',
  inputs: fc
    .array(piece, { minLength: 1, maxLength: 5 })
    .map((parts) =>
      parts
        .map((part) => Buffer.from(part, /[^\0-\xff]/.test(part) ? 'utf8' : 'latin1').toString('latin1'))
        .join(''),
    ),
  async check(text) {
    const body = Buffer.from(text, 'latin1')
    for (const query of ['EIO=4', 'EIO=3', '']) {
      const passed = await exchangeBody(body, query, ORIGIN)
      if (Buffer.isBuffer(passed)) must(!readings(passed).some(isRaw), `read as an authentication (${query})`)
      const protocol = query === 'EIO=4' ? 4 : 3
      const payload = parsePollingPayload(body, protocol)
      if (payload === undefined || payload.packets.length === 0) continue
      const again = parsePollingPayload(encodePollingPayload(payload), protocol)
      must(isDeepStrictEqual(again, payload), 'read differently once it is written again')
    }
  },
})
