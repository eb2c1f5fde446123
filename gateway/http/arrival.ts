import type { Origin } from '../authn/authenticator.ts'
import type { ErrorCode } from '../errors.ts'
import { clientAddress, type TrustedProxies } from '../headers/forwarded.ts'
import { type NormalisedHeaders, normaliseHeaders } from '../headers/normalise.ts'
import type { RequestTrace } from '../observe/request-traces.ts'
import type { ClientRequest } from '../upstream/client-exchange.ts'
import { parseTarget } from './path.ts'

/** A request or upgrade as it is judged: read once, strictly, before anything is decided. */
export type Arrival = {
  method: string
  path: string
  /** With its `?`, or ''. */
  query: string
  headers: NormalisedHeaders
  from: Origin
  scheme: 'http' | 'https'
  /** The peer is a trusted proxy, so what it says of the request is believed. */
  viaProxy: boolean
  /** Where requests are traced, from when its fate is decided. */
  trace: RequestTrace | undefined
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function readArrival(req: ClientRequest, trusted: TrustedProxies): Arrival | { refused: ErrorCode } {
  const method = req.method ?? ''
  if (!METHODS.has(method)) return { refused: 'METHOD_NOT_ALLOWED' }
  if (req.httpVersionMajor !== 1) return { refused: 'BAD_REQUEST' }
  if (req.httpVersionMinor > 0 && req.headers.host === undefined) return { refused: 'BAD_REQUEST' }
  const headers = normaliseHeaders(req.rawHeaders)
  if ('refused' in headers) return headers
  // A chunked body in HTTP/1.0 is read as such by some servers and not by others.
  if (req.httpVersionMinor === 0 && req.headers['transfer-encoding'] !== undefined)
    return { refused: 'BAD_REQUEST' }
  const target = parseTarget(req.url ?? '', headers.host)
  if (target === 'ambiguous') return { refused: 'AMBIGUOUS_PATH' }
  if (target === 'too-long') return { refused: 'URI_TOO_LONG' }
  const peer = req.socket.remoteAddress
  const viaProxy = headers.forwardedFor !== undefined && trusted.has(peer ?? '')
  return {
    method,
    path: target.path,
    query: target.query,
    headers,
    from: {
      origin: headers.origin,
      address: clientAddress(peer, headers.forwardedFor, trusted),
      app: undefined,
      console: headers.fromConsole,
    },
    scheme: 'encrypted' in req.socket && req.socket.encrypted === true ? 'https' : 'http',
    viaProxy,
    trace: undefined,
  }
}
