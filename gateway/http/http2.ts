/**
 * HTTP/2 as seen by the rest of the gateway: a stream's request in the shape of HTTP/1.1's, so that everything behind
 * (reading, admission, forwarding) has one form of request to be strict about. WebSockets stay on HTTP/1.1.
 */
import { EventEmitter } from 'node:events'
import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { ClientRequest, ClientResponse } from '../upstream/client-exchange.ts'

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants

export type Http2 = {
  /** Takes over a connection whose client has chosen `h2`. */
  serve(socket: TLSSocket): void
  /** No new streams; connections end with their last one. */
  drain(): void
  destroy(): void
}

export type Http2Parts = {
  listener: (req: ClientRequest, res: ClientResponse) => void
  refuse: (req: ClientRequest, res: ClientResponse, code: 'EXPECTATION_FAILED' | 'HEADERS_TOO_LARGE') => void
  maxHeaderBytes: number
  idleTimeoutMs: number
}

/** Fields of RFC 9113 §8.2.2, which have no meaning on a stream. */
const OF_CONNECTIONS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

export function createHttp2(parts: Http2Parts): Http2 {
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer({
    settings: { maxConcurrentStreams: 128, maxHeaderListSize: parts.maxHeaderBytes, enablePush: false },
    // A little more than is taken, so that the answer says what was wrong.
    maxHeaderListPairs: 128,
    maxSessionMemory: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // Streams opened only to be reset (CVE-2023-44487): a burst is forgiven, a habit is not.
    streamResetBurst: 200,
    streamResetRate: 20,
    // A core may repeat what it likes; Node would throw.
    strictSingleValueFields: false,
  })

  server.on('session', (session) => {
    sessions.add(session)
    // Kept here: a session that has ended throws when it is asked for its socket.
    const peer: Peer = { remoteAddress: session.socket.remoteAddress, encrypted: true }
    session.setTimeout(parts.idleTimeoutMs, () => session.close())
    session.once('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
    session.on('stream', (stream, headers, flags, rawHeaders) => {
      stream.on('error', ignore)
      const req = new Http2Request(stream, headers, flags, rawHeaders ?? [], peer)
      const res = new Http2Response(stream, req)
      const { expect } = headers
      // The setting above only advises the client.
      if (sizeOf(req.rawHeaders) > parts.maxHeaderBytes) parts.refuse(req, res, 'HEADERS_TOO_LARGE')
      else if (expect === undefined) parts.listener(req, res)
      else if (expect.toLowerCase() === '100-continue') {
        stream.additionalHeaders({ ':status': 100 })
        parts.listener(req, res)
      } else parts.refuse(req, res, 'EXPECTATION_FAILED')
    })
  })

  return {
    serve(socket) {
      server.emit('connection', socket)
    },
    drain() {
      for (const session of sessions) session.close()
    },
    destroy() {
      for (const session of sessions) session.destroy()
    },
  }
}

const sizeOf = (fields: readonly string[]): number => fields.reduce((bytes, text) => bytes + text.length, 0)

/** `close` follows every error. */
function ignore(): void {}

type Peer = Omit<ClientRequest['socket'], 'bytesRead'>

class Http2Request extends Readable implements ClientRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  readonly socket: Peer & { bytesRead: number }
  complete: boolean
  readonly #stream: ServerHttp2Stream

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: readonly string[],
    peer: Peer,
  ) {
    super({ autoDestroy: false })
    this.#stream = stream
    this.method = headers[':method'] ?? ''
    // Origin form alone: the other forms have pseudo-header fields of their own here.
    this.url = headers[':path']?.startsWith('/') ? headers[':path'] : '*'
    this.complete = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    this.rawHeaders = asHttp1(rawHeaders, headers[':authority'], this.complete)
    this.headers = Object.create(null)
    for (let i = 0; i < this.rawHeaders.length; i += 2)
      this.headers[this.rawHeaders[i] as string] ??= this.rawHeaders[i + 1]
    this.socket = { ...peer, bytesRead: 0 }
    stream.on('end', () => {
      this.complete = true
      this.push(null)
    })
    stream.on('close', () => this.destroy())
  }

  override _read(): void {
    if (this.#stream.listenerCount('data') === 0)
      this.#stream.on('data', (chunk: Buffer) => {
        this.socket.bytesRead += chunk.length
        if (!this.push(chunk)) this.#stream.pause()
      })
    this.#stream.resume()
  }
}

/**
 * The fields as an HTTP/1.1 request would have brought them: the authority as Host (two that differ stay two, and
 * are refused), crumbs of cookies joined (RFC 9113 §8.2.3), a body of unknown length as chunked.
 */
function asHttp1(
  rawHeaders: readonly string[],
  authority: string | undefined,
  isComplete: boolean,
): string[] {
  const fields: string[] = authority === undefined ? [] : ['host', authority]
  const cookies: string[] = []
  let isFramed = isComplete
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    if (name.startsWith(':') || (name === 'host' && value === authority)) continue
    if (name === 'cookie') cookies.push(value)
    else fields.push(name, value)
    isFramed ||= name === 'content-length'
  }
  if (cookies.length > 0) fields.push('cookie', cookies.join('; '))
  if (!isFramed) fields.push('transfer-encoding', 'chunked')
  return fields
}

class Http2Response extends EventEmitter implements ClientResponse {
  /** Without meaning here: a stream ends alone. */
  shouldKeepAlive = true
  statusCode = 200
  readonly #stream: ServerHttp2Stream
  readonly #req: Http2Request

  constructor(stream: ServerHttp2Stream, req: Http2Request) {
    super()
    this.#stream = stream
    this.#req = req
    stream.on('drain', () => this.emit('drain'))
    stream.on('close', () => this.emit('close'))
  }

  get headersSent(): boolean {
    return this.#stream.headersSent
  }

  get writableEnded(): boolean {
    return this.#stream.writableEnded
  }

  get destroyed(): boolean {
    return this.#stream.destroyed
  }

  get writableLength(): number {
    return this.#stream.writableLength
  }

  /** A reason phrase is not sent: HTTP/2 has none. */
  writeHead(status: number, ...rest: [fields: string[]] | [reason: string, fields: string[]]): void {
    if (this.#stream.destroyed || this.#stream.closed) return
    const flat = rest.length === 1 ? rest[0] : rest[1]
    const fields: Record<string, string | string[]> = Object.create(null)
    for (let i = 0; i < flat.length; i += 2) {
      const name = (flat[i] as string).toLowerCase()
      if (OF_CONNECTIONS.has(name)) continue
      const value = flat[i + 1] as string
      const before = fields[name]
      fields[name] = before === undefined ? value : [before, value].flat()
    }
    this.statusCode = status
    this.#stream.respond({ ':status': status, ...fields })
  }

  /** The head has left with `writeHead`. */
  flushHeaders(): void {}

  write(chunk: Buffer): boolean {
    return this.#stream.writableEnded || this.#stream.destroyed || this.#stream.write(chunk)
  }

  end(chunk?: Buffer | string, encoding: BufferEncoding = 'utf8'): void {
    const stream = this.#stream
    if (stream.destroyed) return
    if (chunk !== undefined && chunk.length > 0 && !stream.writableEnded) stream.end(chunk, encoding)
    else stream.end()
    // The client need not send the rest of a body that nobody reads (RFC 9113 §8.1).
    if (!this.#req.complete) stream.once('finish', () => stream.close(NGHTTP2_NO_ERROR))
  }

  destroy(): void {
    this.#stream.close(NGHTTP2_CANCEL)
  }
}
