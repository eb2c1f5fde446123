import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Scope } from './child-process.ts'
import { type HeaderField, type HttpMessage, takeMessage, valuesOf } from './http-message.ts'

export type RecordedRequest = {
  method: string
  /** The request target as it stood on the wire. */
  target: string
  fields: HeaderField[]
  /** The exact bytes of start line and header section. */
  head: string
  body: Buffer
  trailers: HeaderField[]
  values(name: string): string[]
  connection: RecordedConnection
}

export type RecordedConnection = {
  /** Every byte that arrived, in order. */
  received(): Buffer
  /** What arrived after an upgrade was accepted. */
  tunnelled(): Buffer
  /** Resolves once at least that many tunnelled bytes arrived. */
  tunnelledBytes(count: number): Promise<Buffer>
  write(bytes: string | Buffer): void
  end(): void
  destroy(): void
  closed: Promise<void>
}

/** Text goes out as it stands, latin-1. `hang` answers nothing, `reset` closes the connection hard. */
export type Answer = string | Buffer | 'hang' | 'reset'

export type RecordingUpstream = {
  port: number
  url: string
  /** Requests in order of arrival, without the gateway's own health checks. */
  requests: RecordedRequest[]
  healthChecks: RecordedRequest[]
  connections: RecordedConnection[]
  /** The next request not yet handed out. */
  next(): Promise<RecordedRequest>
  answerWith(answer: (request: RecordedRequest) => Answer | Promise<Answer>): void
  close(): Promise<void>
}

const PATIENCE_MS = 10_000
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export const okAnswer = (result: unknown = {}): string => answerText(200, { RC: 0, RM: 'OK', result })

export function answerText(status: number, body: unknown, fields: readonly string[] = []): string {
  const text = JSON.stringify(body)
  const head = [`HTTP/1.1 ${status} Canned`, 'Content-Type: application/json', ...fields]
  return Buffer.from(
    `${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  ).toString('latin1')
}

/** The one right answer to a WebSocket upgrade request. */
export function acceptUpgrade(request: RecordedRequest, fields: readonly string[] = []): string {
  const key = request.values('sec-websocket-key')[0] ?? ''
  const accept = createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64')
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  return `${[...head, `Sec-WebSocket-Accept: ${accept}`, ...fields].join('\r\n')}\r\n\r\n`
}

/**
 * Stands where the core stands and keeps the exact bytes it was sent, so that a test asserts what the core
 * received. By default it answers 200 to requests and accepts upgrades.
 */
export async function startRecordingUpstream(t: Scope): Promise<RecordingUpstream> {
  const requests: RecordedRequest[] = []
  const healthChecks: RecordedRequest[] = []
  const connections: RecordedConnection[] = []
  const sockets = new Set<Socket>()
  let handedOut = 0
  let arrived = Promise.withResolvers<void>()
  let answer = (request: RecordedRequest): Answer | Promise<Answer> =>
    isUpgrade(request) ? acceptUpgrade(request) : okAnswer()

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    connections.push(
      record(socket, async (request) => {
        if (request.target === '/readyz') {
          healthChecks.push(request)
          return okAnswer()
        }
        requests.push(request)
        arrived.resolve()
        arrived = Promise.withResolvers()
        return answer(request)
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  t.teardown(close)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    healthChecks,
    connections,
    async next() {
      const deadline = Date.now() + PATIENCE_MS
      while (requests.length <= handedOut) {
        const left = deadline - Date.now()
        if (left <= 0) throw new Error(`no further request in ${PATIENCE_MS} ms`)
        await orAfter(arrived.promise, left)
      }
      return requests[handedOut++]!
    },
    answerWith: (next) => {
      answer = next
    },
    close,
  }
}

function record(socket: Socket, answerTo: (request: RecordedRequest) => Promise<Answer>): RecordedConnection {
  const all: Buffer[] = []
  const tunnel: Buffer[] = []
  let pending = Buffer.alloc(0)
  let upgraded = false
  let answering = false
  let grown = Promise.withResolvers<void>()
  // Not `once(…)`: that rejects on a reset, which is a way of closing too.
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const connection: RecordedConnection = {
    received: () => Buffer.concat(all),
    tunnelled: () => Buffer.concat(tunnel),
    async tunnelledBytes(count) {
      const deadline = Date.now() + PATIENCE_MS
      while (Buffer.concat(tunnel).length < count) {
        const left = deadline - Date.now()
        if (left <= 0 || socket.destroyed)
          throw new Error(`only ${Buffer.concat(tunnel).length} of ${count} tunnelled bytes arrived`)
        await orAfter(Promise.race([grown.promise, closed]), left)
      }
      return Buffer.concat(tunnel)
    },
    write: (bytes) => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    },
    end: () => {
      socket.end()
    },
    destroy: () => {
      socket.destroy()
    },
    closed,
  }

  function grow(): void {
    grown.resolve()
    grown = Promise.withResolvers()
  }

  async function advance(): Promise<void> {
    if (answering || upgraded) return
    answering = true
    try {
      for (;;) {
        // An upgrade's body, if it has one, stays in the bytes: what follows the head of an upgrade is a tunnel's.
        const taken = takeMessage(
          pending,
          (_, fields) => (asksUpgrade(fields) ? 'none' : 'by-headers'),
          false,
        )
        if (taken === undefined) return
        pending = Buffer.from(taken.rest)
        const request = toRequest(taken.message, connection)
        const text = await answerTo(request)
        if (text === 'hang') return
        if (text === 'reset') {
          socket.resetAndDestroy()
          return
        }
        connection.write(text)
        if (String(text).startsWith('HTTP/1.1 101 ')) {
          upgraded = true
          tunnel.push(pending)
          grow()
          return
        }
      }
    } finally {
      answering = false
    }
  }

  socket.on('data', (chunk) => {
    all.push(chunk)
    if (upgraded) tunnel.push(chunk)
    else pending = Buffer.concat([pending, chunk])
    grow()
    void advance()
  })
  socket.on('end', () => socket.end())
  socket.on('error', () => socket.destroy())
  return connection
}

function toRequest(message: HttpMessage, connection: RecordedConnection): RecordedRequest {
  const [method = '', target = ''] = message.startLine.split(' ')
  return {
    method,
    target,
    fields: message.fields,
    head: message.head.toString('latin1'),
    body: message.body,
    trailers: message.trailers,
    values: (name) => valuesOf(message.fields, name),
    connection,
  }
}

const asksUpgrade = (fields: readonly HeaderField[]): boolean => valuesOf(fields, 'upgrade').length > 0
const isUpgrade = (request: RecordedRequest): boolean => asksUpgrade(request.fields)

function orAfter(event: Promise<unknown>, ms: number): Promise<unknown> {
  return Promise.race([event, new Promise((resolve) => setTimeout(resolve, ms).unref())])
}
