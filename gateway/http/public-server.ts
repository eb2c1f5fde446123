import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import type { ErrorCode } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import { corsFields } from './cors.ts'
import { replyError, replyErrorRaw } from './error-reply.ts'

export type PublicServerParts = {
  requests: (own: RequestListener) => RequestListener
  upgrade: (req: IncomingMessage, socket: Socket, head: Buffer) => void
  isCleanUpgrade: (req: IncomingMessage) => boolean
  corsOrigins: readonly string[]
  metrics: Metrics
}

/** Time for a whole request: the web UI allows 300 s for an upload. */
const REQUEST_TIMEOUT_MS = 310_000
const HEADERS_TIMEOUT_MS = 10_000
/** Longer than the usual 60 s of a load balancer in front, so that it is never us who closes under a request. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000
const MAX_HEADER_BYTES = 16_384

/**
 * The server that the internet reaches. Fastify holds the gateway's own addresses; what is forwarded never
 * enters its router, so that forwarding costs no more than `node:http` itself (docs/decisions).
 */
export function buildPublicServer(parts: PublicServerParts): FastifyInstance {
  return Fastify({
    logger: false,
    serverFactory: (own) => createPublicServer(own as RequestListener, parts),
  })
}

function createPublicServer(own: RequestListener, parts: PublicServerParts): Server {
  const serve = parts.requests(own)
  /** Answers still due, by connection. */
  const due = new WeakMap<Duplex, number>()
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    const { socket } = req
    due.set(socket, (due.get(socket) ?? 0) + 1)
    const startedMs = performance.now()
    res.once('close', () => {
      due.set(socket, (due.get(socket) ?? 1) - 1)
      parts.metrics.answered(res.statusCode, (performance.now() - startedMs) / 1000)
    })
    serve(req, res)
  }
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 2_000,
      noDelay: true,
      // Refused in readArrival, with an answer that clients can read.
      requireHostHeader: false,
      shouldUpgradeCallback: parts.isCleanUpgrade,
    },
    listener,
  )
  // Above its own maximum Node drops fields in silence; ours is counted, and refused, in normaliseHeaders.
  server.maxHeadersCount = 0
  server.on('upgrade', (req, socket, head) => parts.upgrade(req, socket as Socket, head))
  server.on('connect', (_req, socket) => refuse(socket, 'METHOD_NOT_ALLOWED'))
  server.on('checkExpectation', (req, res: ServerResponse) => {
    parts.metrics.refused('EXPECTATION_FAILED')
    replyError(res, 'EXPECTATION_FAILED', corsFields(req.headers.origin, parts.corsOrigins), { close: true })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    // In the middle of an answer, or behind one that is still due, another would be read as part of it.
    if ((due.get(socket) ?? 0) > 0) {
      socket.destroy()
      return
    }
    refuse(socket, parseErrorCode(error.code))
  })

  function refuse(socket: Duplex, code: ErrorCode): void {
    parts.metrics.refused(code)
    replyErrorRaw(socket, code, corsFields(undefined, parts.corsOrigins))
  }

  return server
}

function parseErrorCode(code: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT'
  return 'BAD_REQUEST'
}
