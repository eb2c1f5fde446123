import type { Origin } from '../authn/authenticator.ts'
import type { ErrorCode } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { judgePacket } from './packet-grammar.ts'
import { encodePollingPayload, isMessage, parsePollingPayload } from './polling-payload.ts'
import { readPollingQuery } from './polling-query.ts'
import type { PollingSessions } from './polling-sessions.ts'

/** The body that goes on: the same one where there was nothing to exchange. */
export type PollingExchange = (
  body: Buffer,
  query: string,
  origin: Origin,
) => Promise<Buffer | { refused: ErrorCode }>

export type PollingExchangeParts = {
  exchange: Exchange
  sessions: Pick<PollingSessions, 'isRevoked' | 'bind'>
  limits: { maxMessageBytes: number; maxHeldBytes: number }
}

/** Authentications in one body; each may take a lookup, and no client sends two. */
const MAX_EXCHANGES = 4

/** The same rewriting as inside WebSocket frames, for the body of a long-polling POST. `query` with or without `?`. */
export function createPollingExchange({ exchange, sessions, limits }: PollingExchangeParts): PollingExchange {
  return async (body, query, origin) => {
    const read = readPollingQuery(query)
    if ('refused' in read) return read
    if (read.sid !== undefined && sessions.isRevoked(read.sid)) return { refused: 'INVALID_TOKEN' }
    if (body.length > limits.maxMessageBytes) return { refused: 'PAYLOAD_TOO_LARGE' }
    const payload = parsePollingPayload(body, read.protocol)
    if (payload === undefined) return { refused: 'BAD_REQUEST' }
    const verdicts = payload.packets.map((packet) => (isMessage(packet) ? judgePacket(packet) : 'pass'))
    if (verdicts.includes('refuse')) return { refused: 'BAD_REQUEST' }
    if (verdicts.filter((verdict) => verdict !== 'pass').length > MAX_EXCHANGES)
      return { refused: 'BAD_REQUEST' }
    let isChanged = false
    for (const [i, packet] of payload.packets.entries()) {
      if (verdicts[i] === 'pass' || typeof packet !== 'string') continue
      if (Buffer.byteLength(packet) > limits.maxHeldBytes) return { refused: 'PAYLOAD_TOO_LARGE' }
      const exchanged = await exchange(packet, origin)
      if (exchanged === undefined) return { refused: 'BAD_REQUEST' }
      payload.packets[i] = exchanged.text
      isChanged ||= exchanged.text !== packet
      const { identity } = exchanged
      if (read.sid !== undefined && identity !== undefined && identity.kind !== 'anonymous')
        sessions.bind(read.sid, identity)
    }
    return isChanged ? encodePollingPayload(payload) : body
  }
}
