/**
 * A long-polling body is read by the revision that the session began with and by its content type, both remembered or
 * decided at the core; a request may claim another revision to the gateway. What one reader takes for a ping or a
 * length, the other takes for an authentication. Every body that the gateway lets pass, under whichever claim, is read
 * here by the core's own parsers in every way that the core could: none may find an authentication of a client's.
 */
import { createRequire } from 'node:module'
import { decodePayload as decode4 } from 'engine.io-parser'
import fc from 'fast-check'
import t from 'tap'
import { carriesRawAuth } from '../gateway/tunnel/client-frames.ts'
import { startStand } from '../gateway/tunnel/stand.ts'

type Packet = { type: string; data?: unknown }
type Parser3 = { decodePayload(body: string | Buffer, done: (packet: Packet) => void): void }
const require = createRequire(import.meta.url)
const parser3: Parser3 = require(
  new URL('../../node_modules/engine.io/build/parser-v3/index.js', import.meta.url).pathname,
)
const ORIGIN = { origin: undefined, address: '192.0.2.1', app: undefined, socket: true }

function readings(body: Buffer): Packet[] {
  const packets: Packet[] = [...decode4(body.toString())]
  for (const form of [body.toString(), body])
    try {
      parser3.decodePayload(form, (packet) => void packets.push(packet))
    } catch {
      // A body that makes the core's parser throw carries nothing.
    }
  return packets
}

const isRaw = ({ type, data }: Packet): boolean =>
  type === 'message' && typeof data === 'string' && carriesRawAuth(`4${data}`)

const CRAFTED = [
  '17:42["auth","good"]',
  '19:42["auth","good!!"]\x1e2',
  '2:4217:42["auth","good"]',
  '40:42["auth","good"]',
  '421:42["auth","good"]',
  '3\x1e17:42["auth","good"]',
  '3:42["x\x1e42["auth","good"]',
  '27:42["x","\x1e42["auth","good"]',
  '1e1:42["auth","good"]',
  '0x11:42["auth","good"]',
  '4e1:42["auth","good"]',
  '43e0:42["auth","good"]',
  '461-:42["auth","good"]',
  'b17:42["auth","good"]',
  '2probe17:42["auth","good"]',
  '\x001\xff42["auth","good"]',
]

t.test('no body is read as an authentication that was not exchanged', async (t) => {
  const stand = await startStand(t, { cores: [1] })
  const check = async (body: Buffer): Promise<boolean> => {
    for (const query of ['EIO=4', 'EIO=3', '']) {
      const passed = await stand.tunnels.exchangePollingBody(body, query, ORIGIN)
      if (Buffer.isBuffer(passed) && readings(passed).some(isRaw)) return false
    }
    return true
  }
  for (const body of CRAFTED) {
    t.ok(await check(Buffer.from(body)), JSON.stringify(body))
    t.ok(await check(Buffer.from(body, 'latin1')), JSON.stringify(body))
  }
  const piece = fc.constantFrom(
    '42["auth","good"]',
    '17:42["auth","good"]',
    '\x1e',
    '1:',
    '2',
    '3:',
    '42["x',
    '"]',
    '40',
    '41',
    '43',
    '4',
    '17:',
    '\x00\x01\x07\xff',
    '\x01\x01\xff\x04',
    '\x00',
    '\x01',
    '\x07',
    '\xff',
    ':',
    '0:',
    'b4',
    '5:42[1]',
    'e1',
    '"',
  )
  const body = fc
    .array(piece, { minLength: 1, maxLength: 7 })
    .map((parts) => Buffer.from(parts.join(''), 'latin1'))
  await t.resolves(fc.assert(fc.asyncProperty(body, check), { numRuns: 3_000 }))
})

t.test('a query that makes the session JSONP, or names a key twice, is refused', async (t) => {
  const stand = await startStand(t, { cores: [1] })
  for (const query of ['?EIO=3&j=1', '?EIO=3&%6A=1', '?EIO=3&EIO=4', '?sid=a.b&EIO=4&sid=c.d'])
    for (const body of ['2', '1:2'])
      t.same(await stand.tunnels.exchangePollingBody(Buffer.from(body), query, ORIGIN), {
        refused: 'BAD_REQUEST',
      })
})

t.test('packets that are closed on a WebSocket are refused in a body', async (t) => {
  const stand = await startStand(t, { cores: [1] })
  for (const body of [
    '42/admin,["auth","good"]',
    '451-["auth","good"]',
    '42 ["auth"]',
    '4',
    '44{}',
    '42["auth",',
  ])
    t.same(await stand.tunnels.exchangePollingBody(Buffer.from(body), 'EIO=4', ORIGIN), {
      refused: 'BAD_REQUEST',
    })
})
