import { createServer, IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { steadyNow } from '../batch.ts'
import type { ServerLimits, TlsMaterial } from '../config.ts'
import type { ErrorCode } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { ClientRequest, ClientResponse } from '../upstream/client-exchange.ts'
import { createConnections } from './connections.ts'
import { corsFields } from './cors.ts'
import { replyError, replyErrorRaw } from './error-reply.ts'
import { createExchanges, type Exchange, MAX_REQUEST_MS } from './exchanges.ts'
import { createHttp2 } from './http2.ts'
import { createLane } from './lane/lane.ts'
import { SOCKET_PATH } from './polling.ts'
import type { LiveSettings } from './requests.ts'
import { createTlsServer } from './tls.ts'

export type PublicServerParts = {
  serve: (req: ClientRequest, res: ClientResponse) => void
  upgrade: (req: IncomingMessage, socket: Socket, head: Buffer) => void
  isCleanUpgrade: (req: IncomingMessage) => boolean
  /** Whether plain requests to a path may go the short way (http/lane); undefined = all go by Node's server. */
  laneTakes: ((path: string) => boolean) | undefined
  tls: TlsMaterial | undefined
  limits: ServerLimits
  settings: LiveSettings
  metrics: Metrics
}

/** The server that the internet reaches: HTTP/1.1, and with TLS also HTTP/2. */
export type PublicServer = {
  /** @returns its URL */
  listen(where: { host: string; port: number; reusePort: boolean }): Promise<string>
  /** Another certificate for connections to come. @throws where it does not fit its key */
  setCertificate(tls: TlsMaterial): void
  /**
   * Accepts no more; answers from now on close their connections; what is idle at the end of the window is closed,
   * what is still under way at the end of the timeout is cut. Resolves when no connection is left.
   */
  drain(times: { windowMs: number; timeoutMs: number }): Promise<void>
  connectionCount(): number
}

const MAX_HEADER_BYTES = 16_384
/** As far as the system allows: with Node's 511, a herd of sockets that come back waits for its SYNs to be repeated. */
const BACKLOG = 4_096

export function buildPublicServer(parts: PublicServerParts): PublicServer {
  const { metrics, limits, settings } = parts
  const connections = createConnections({ maxPerAddress: limits.maxConnectionsPerAddress, settings })
  const exchanges = createExchanges({
    clock: () => performance.now(),
    graceMs: limits.bodyGraceMs,
    onTooSlow: cutSlow,
  })

  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    const { socket } = req
    connections.began(socket)
    begin(req, res, () => connections.ended(socket))
  }

  function begin(req: ClientRequest, res: ClientResponse, onEnd?: () => void): void {
    const exchange = exchanges.begin(req, res)
    res.once('close', () => {
      exchanges.end(exchange)
      onEnd?.()
      const isPoll = req.method === 'GET' && req.url?.startsWith(SOCKET_PATH)
      metrics.answered(res.statusCode, isPoll ? undefined : (performance.now() - exchange.startedMs) / 1_000)
    })
    parts.serve(req, res)
  }

  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(MAX_REQUEST_MS, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(2_000, limits.headersTimeoutMs),
    noDelay: true,
    // Refused in readArrival, with an answer that clients can read.
    requireHostHeader: false,
    shouldUpgradeCallback: parts.isCleanUpgrade,
  }
  const http2 = createHttp2({
    listener: begin,
    refuse: refuseRequest,
    maxHeaderBytes: MAX_HEADER_BYTES,
    idleTimeoutMs: limits.keepAliveTimeoutMs,
  })
  const tls =
    parts.tls === undefined
      ? undefined
      : createTlsServer({
          material: parts.tls,
          options,
          listener,
          http2,
          onHttp1: (socket) => accept(socket),
        })
  const server: Server = tls?.server ?? createServer(options, listener)
  const nodesOwn = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  const lane =
    parts.laneTakes === undefined
      ? undefined
      : createLane({
          toNode,
          takes: parts.laneTakes,
          serve: parts.serve,
          answered: metrics.answered,
          onSilent: (socket) => refuse(socket, 'REQUEST_TIMEOUT'),
          headersTimeoutMs: limits.headersTimeoutMs,
          keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
          clock: steadyNow,
        })
  if (tls === undefined) server.removeAllListeners('connection').on('connection', accept)
  // Above its own maximum Node drops fields in silence; ours is counted, and refused, in normaliseHeaders.
  server.maxHeadersCount = 0
  server.maxConnections = limits.maxConnections
  server.on('drop', () => metrics.dropped('too-many'))
  server.on('connection', (socket: Socket) => {
    if (connections.admit(socket)) return
    metrics.dropped('too-many-of-address')
    socket.destroy()
  })
  server.on('upgrade', (req, socket, head) => {
    connections.upgraded(socket)
    parts.upgrade(req, socket as Socket, head)
  })
  server.on('connect', (_req, socket) => refuse(socket, 'METHOD_NOT_ALLOWED'))
  server.on('checkExpectation', (req, res) => refuseRequest(req, res, 'EXPECTATION_FAILED'))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // In the middle of an answer, or behind one that is still due, another would be read as part of it.
    if (error.code === 'ECONNRESET' || !socket.writable || connections.due(socket) > 0) socket.destroy()
    else refuse(socket, parseErrorCode(error.code))
  })

  /** A connection that speaks HTTP/1.1. */
  function accept(socket: Socket): void {
    if (lane === undefined) toNode(socket)
    else lane.serve(socket)
  }

  function toNode(socket: Socket): void {
    if (tls === undefined) for (const serve of nodesOwn) serve.call(server, socket)
    else tls.serveHttp1(socket as TLSSocket)
    connections.opened(socket)
  }

  function refuse(socket: Duplex, code: ErrorCode): void {
    metrics.refused(code)
    replyErrorRaw(socket, code, corsFields(undefined, settings.corsOrigins))
  }

  function refuseRequest(req: ClientRequest, res: ClientResponse, code: ErrorCode): void {
    metrics.refused(code)
    replyError(res, code, corsFields(req.headers.origin, settings.corsOrigins), { close: true })
  }

  /** Below the answer that is still due, which then sees its client leave. */
  function cutSlow({ req, res }: Exchange): void {
    metrics.refused('REQUEST_TIMEOUT')
    if (req instanceof IncomingMessage && !res.headersSent)
      replyErrorRaw(req.socket, 'REQUEST_TIMEOUT', corsFields(req.headers.origin, settings.corsOrigins))
    else res.destroy()
  }

  async function drain({ windowMs, timeoutMs }: { windowMs: number; timeoutMs: number }): Promise<void> {
    exchanges.drain()
    lane?.drain()
    // Node would close what is idle at once, and under a request that is just on its way.
    server.closeIdleConnections = () => undefined
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    http2.drain()
    await orAfter(closed, Math.min(windowMs, timeoutMs))
    lane?.closeIdle()
    connections.closeIdle()
    await orAfter(closed, Math.max(0, timeoutMs - windowMs))
    http2.destroy()
    connections.destroyAll()
    await closed
    exchanges.close()
    lane?.close()
  }

  return {
    async listen({ host, port, reusePort }) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port, reusePort, backlog: BACKLOG }, () => {
          server.off('error', reject)
          resolve()
        })
      })
      const { address, port: bound, family } = server.address() as AddressInfo
      return `${tls === undefined ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
    },
    setCertificate(material) {
      tls?.setCertificate(material)
    },
    drain,
    connectionCount: connections.count,
  }
}

function parseErrorCode(code: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT'
  return 'BAD_REQUEST'
}

async function orAfter(event: Promise<void>, ms: number): Promise<void> {
  const waiting = new AbortController()
  await Promise.race([event, delay(ms, undefined, { signal: waiting.signal }).catch(() => undefined)])
  waiting.abort()
}
