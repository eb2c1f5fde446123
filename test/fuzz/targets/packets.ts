import { decodePacket } from 'engine.io-parser'
import { Decoder, type Packet, PacketType } from 'socket.io-parser'
import { parseSigningKeys, verifyIdentity } from '#contract/signature.ts'
import { parseSocketAuth } from '#contract/socket-auth.ts'
import { createPipeline } from '../../../gateway/pipeline.ts'
import { createExchange } from '../../../gateway/tunnel/exchange.ts'
import { judgePacket } from '../../../gateway/tunnel/packet-grammar.ts'
import { carriesRawAuth } from '../../gateway/tunnel/client-frames.ts'
import { proofOf } from '../../gateway/tunnel/stand.ts'
import { fuzzTarget, must } from '../target.ts'
import { packetText } from './packet-text.ts'

// Oracle: the core's own decoder. What passes is no authentication; what is exchanged is one event (or CONNECT) with
// the same ack id, nothing but what the gateway wrote where credentials stood, and no credential anywhere.

const KEYS = parseSigningKeys(`k1:${Buffer.alloc(32, 1).toString('base64url')}`)
const NOW = 1_000_000
const SECRETS = /good-token|good-key/
const FOLDED_IDENTITY = /^im[-_.]identity/i

const { admit } = createPipeline({
  authenticate: ({ clientKey, clientToken, platformKey }) => {
    if (platformKey !== undefined) return { refused: 'INVALID_API_KEY' }
    if (clientToken === undefined)
      return clientKey === undefined ? undefined : { refused: 'INVALID_CLIENT_KEY' }
    return clientToken === 'good-token' ? { proof: proofOf('good') } : { refused: 'INVALID_TOKEN' }
  },
  signingKeys: () => KEYS,
  clock: () => NOW,
  limits: { identified: () => 0, anonymous: () => 0, refused: () => 0 },
})
const exchange = createExchange({
  admit,
  revocations: { current: () => 0, revokedSince: () => false },
  lookupTimeoutMs: 1_000,
  refused: () => undefined,
})
const ORIGIN = { origin: undefined, address: '192.0.2.1', app: undefined, socket: true }

function decode(text: string): Packet | undefined {
  const outer = decodePacket(text)
  if (outer.type !== 'message' || typeof outer.data !== 'string') return undefined
  let decoded: Packet | undefined
  const decoder = new Decoder()
  decoder.on('decoded', (packet: Packet) => {
    decoded = packet
  })
  try {
    decoder.add(outer.data)
  } catch {
    return undefined
  }
  return decoded
}

export const packets = fuzzTarget<string>({
  name: 'packets',
  inputs: packetText,
  async check(text) {
    const verdict = judgePacket(text)
    if (verdict === 'refuse') return
    if (verdict === 'pass') {
      must(!carriesRawAuth(text), 'an authentication passes')
      const packet = decode(text)
      must(
        packet?.type !== PacketType.CONNECT || packet.data === undefined,
        'a CONNECT with a payload passes',
      )
      return
    }
    const exchanged = await exchange(text, ORIGIN)
    if (exchanged === undefined) return
    const packet = decode(exchanged.text)
    must(packet !== undefined, `not readable: ${exchanged.text}`)
    if (packet.type === PacketType.EVENT) {
      must(!SECRETS.test(exchanged.text), `a credential goes on: ${exchanged.text}`)
      const [event, argument, ...more] = packet.data
      const claim = parseSocketAuth(argument)
      must((event === 'auth' || event === 'auth2') && more.length === 0, 'not an authentication any more')
      must(claim !== undefined, 'not of our writing')
      must(packet.nsp === '/', 'on another namespace')
      const before = decode(text)
      if (before !== undefined) must(before.id === packet.id, `ack ${before.id} became ${packet.id}`)
      if ('identity' in claim)
        must('identity' in verifyIdentity(claim.identity, KEYS, NOW), 'not signed by us')
      return
    }
    must(packet.type === PacketType.CONNECT, 'another type')
    for (const [key, value] of Object.entries(packet.data ?? {})) {
      // Inside of what is not ours, anything may stand.
      must(!SECRETS.test(key) && !SECRETS.test(String(value)), `a credential goes on: ${key}`)
      if (!FOLDED_IDENTITY.test(key)) continue
      const isOurs = key === 'im-identity' && 'identity' in verifyIdentity(value, KEYS, NOW)
      must(isOurs, `an identity goes on: ${key}`)
    }
  },
})
