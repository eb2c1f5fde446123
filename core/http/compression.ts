/**
 * Answers shrink for clients that say they can read them so: a list of rooms is a tenth of itself. What was asked with
 * a header cannot be asked by a foreign page, so that nobody can guess at a secret by the length of an answer.
 */
import { promisify } from 'node:util'
import { brotliCompress, constants, deflate, gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

type Encoding = 'br' | 'gzip' | 'deflate'

/** Below this an answer fits into a packet anyway. */
const MIN_LENGTH = 1_400
/** Quick rather than small: one core answers many. */
const LEVEL = { level: 1 }
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

const packBrotli = promisify(brotliCompress)
const packGzip = promisify(gzip)
const packDeflate = promisify(deflate)
const PACK: Record<Encoding, (text: string) => Promise<Buffer>> = {
  br: (text) => packBrotli(text, BROTLI),
  gzip: (text) => packGzip(text, LEVEL),
  deflate: (text) => packDeflate(text, LEVEL),
}
const PREFERENCE: readonly Encoding[] = ['br', 'gzip', 'deflate']

/** JSON alone: files are compressed already, and are asked for in ranges. */
export function compressAnswers(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' || payload.length < MIN_LENGTH) return payload
    if (!String(reply.getHeader('content-type')).startsWith('application/json')) return payload
    reply.header('vary', 'accept-encoding')
    const encoding = chooseEncoding(request.headers['accept-encoding'])
    if (encoding === undefined) return payload
    const packed = await PACK[encoding](payload)
    reply.header('content-encoding', encoding).header('content-length', packed.length)
    return packed
  })
}

/** The best of ours that the client takes as gladly as any (RFC 9110 §12.5.3); undefined: as it is. */
export function chooseEncoding(accepted: string | undefined): Encoding | undefined {
  if (accepted === undefined) return undefined
  const weights = new Map(accepted.split(',').map(parseWeight))
  const weightOf = (name: string) => weights.get(name) ?? weights.get('*') ?? 0
  const best = Math.max(...PREFERENCE.map(weightOf))
  return best > 0 && best >= (weights.get('identity') ?? 0)
    ? PREFERENCE.find((encoding) => weightOf(encoding) === best)
    : undefined
}

function parseWeight(part: string): [name: string, weight: number] {
  const [name = '', ...parameters] = part.toLowerCase().split(';')
  const quality = parameters.map((text) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(text)?.[1]).find(Boolean)
  return [name.trim(), quality === undefined ? 1 : Number(quality)]
}
