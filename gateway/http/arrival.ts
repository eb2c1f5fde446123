import type { Origin } from '../authn/authenticator.ts'
import type { ErrorCode } from '../errors.ts'
import { clientAddress, type TrustedProxies } from '../headers/forwarded.ts'
import { type HeaderSection, normaliseHeaders } from '../headers/normalise.ts'
import type { RequestTrace } from '../observe/request-traces.ts'
import type { ClientRequest } from '../upstream/client-exchange.ts'
import { parseTarget } from './path.ts'

/** A request or upgrade as it is judged: read once, strictly, before anything is decided. */
export type Arrival = {
  method: string
  path: string
  /** With its `?`, or ''. */
  query: string
  headers: HeaderSection
  /** As the client named it; an HTTP/1.0 request need not. */
  host: string
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
  const headers = req.section ?? normaliseHeaders(req.rawHeaders ?? [])
  if ('refused' in headers) return headers
  if (req.httpVersionMinor > 0 && headers.host === undefined) return { refused: 'BAD_REQUEST' }
  // A chunked body in HTTP/1.0 is read as such by some servers and not by others.
  if (req.httpVersionMinor === 0 && headers.transferEncoding !== undefined) return { refused: 'BAD_REQUEST' }
  const { host = 'localhost' } = headers
  const target = parseTarget(req.url ?? '', host)
  if (target === 'ambiguous') return { refused: 'AMBIGUOUS_PATH' }
  if (target === 'too-long') return { refused: 'URI_TOO_LONG' }
  const peer = req.socket.remoteAddress
  const viaProxy = headers.forwardedFor !== undefined && trusted.has(peer ?? '')
  return {
    method,
    path: target.path,
    query: target.query,
    headers,
    host,
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
