import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import type { ErrorCode } from '../../../gateway/errors.ts'
import { ownLine, ownName } from '../../../gateway/headers/field-lines.ts'
import { createForward } from '../../../gateway/upstream/forward.ts'
import type { ForwardHead, ForwardHooks, ForwardResult } from '../../../gateway/upstream/forward-contract.ts'
import { createUpstreamPool, type PoolParts, type UpstreamPool } from '../../../gateway/upstream/pool.ts'
import { framingOf } from '../../../gateway/upstream/request-head.ts'
import type { UpstreamSettings } from '../../../gateway/upstream/settings.ts'

export type Scope = { teardown(end: () => unknown): void }

export type CoreRequest = {
  head: string
  /** Counted over all connections, from 0. */
  nth: number
  socket: Socket
  /** What has come after the head. */
  body(): Buffer
  /** Sends text as it stands, latin-1. */
  answer(text: string): void
}

export type Core = {
  port: number
  url: string
  requests: CoreRequest[]
  sockets: Set<Socket>
  /** How many connections have been made for requests (not for checks). */
  connections: number
  checks: number
  /** How `/readyz` is answered: a status, with the core's node id, or not at all. */
  readiness: number | 'silent' | 'reset'
  nodeId: string | undefined
  next(): Promise<CoreRequest>
  close(): Promise<void>
}

export const ok = (body = 'fine', fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`

/** Stands where a core stands, on the bare socket, and answers as it is told. A body's length is not looked at. */
export async function startCore(
  t: Scope,
  serve: (request: CoreRequest) => void = ({ answer }) => answer(ok()),
  port = 0,
): Promise<Core> {
  let arrived = Promise.withResolvers<void>()
  let handedOut = 0
  const core: Core = {
    port,
    url: '',
    requests: [],
    sockets: new Set(),
    connections: 0,
    checks: 0,
    readiness: 200,
    nodeId: undefined,
    async next() {
      while (core.requests.length <= handedOut) await arrived.promise
      return core.requests[handedOut++]!
    },
    async close() {
      for (const socket of core.sockets) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    core.sockets.add(socket)
    let received: Buffer = Buffer.alloc(0)
    let inBody: CoreRequest | undefined
    let bodyFrom = 0
    let isCounted = false
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      while (inBody === undefined) {
        const end = received.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = received.toString('latin1', 0, end + 4)
        const hasBody = /\r\n(?:content-length: [1-9]|transfer-encoding:)/i.test(head)
        if (hasBody) bodyFrom = end + 4
        else received = received.subarray(end + 4)
        if (head.startsWith('GET /readyz ')) {
          core.checks++
          answerCheck(core, socket)
          return
        }
        if (!isCounted) core.connections++
        isCounted = true
        const request: CoreRequest = {
          head,
          nth: core.requests.length,
          socket,
          body: () => (hasBody ? received.subarray(bodyFrom) : Buffer.alloc(0)),
          answer: (text) => {
            socket.write(text, 'latin1')
          },
        }
        if (hasBody) inBody = request
        core.requests.push(request)
        arrived.resolve()
        arrived = Promise.withResolvers()
        serve(request)
      }
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => core.sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  core.port = (server.address() as AddressInfo).port
  core.url = `http://127.0.0.1:${core.port}`
  t.teardown(core.close)
  return core
}

function answerCheck(core: Core, socket: Socket): void {
  if (core.readiness === 'silent') return
  if (core.readiness === 'reset') {
    socket.resetAndDestroy()
    return
  }
  const nodeId = core.nodeId === undefined ? '' : `IM-Node-ID: ${core.nodeId}\r\n`
  socket.end(`HTTP/1.1 ${core.readiness} X\r\n${nodeId}Content-Length: 0\r\nConnection: close\r\n\r\n`)
}

/** Quick enough for a test, and long enough that nothing expires by accident. */
export const PATIENT: Partial<UpstreamSettings> = { sweepIntervalMs: 10, calmCheckIntervalMs: 60_000 }

export async function startPool(
  t: Scope,
  urls: readonly string[],
  settings: Partial<UpstreamSettings> = {},
  parts: PoolParts = {},
): Promise<UpstreamPool> {
  const pool = await createUpstreamPool(urls, { ...PATIENT, ...settings }, parts)
  t.teardown(() => pool.close())
  return pool
}

export type Front = {
  port: number
  url: string
  results: ForwardResult[]
  failures: ErrorCode[]
  /** Resolves with the next result not yet handed out. */
  result(): Promise<ForwardResult>
}

/** A `node:http` server that forwards everything; `adapt` may change what is forwarded and how. */
export async function startFront(
  t: Scope,
  pool: UpstreamPool,
  adapt: { head?: Partial<ForwardHead>; hooks?: Partial<ForwardHooks>; maxBodyBytes?: number } = {},
): Promise<Front> {
  const { maxBodyBytes } = adapt
  const forward = createForward(pool, maxBodyBytes === undefined ? {} : { maxBodyBytes })
  const results: ForwardResult[] = []
  const failures: ErrorCode[] = []
  let settled = Promise.withResolvers<void>()
  let handedOut = 0
  const server = createServer((req, res) => {
    const head: ForwardHead = {
      method: req.method ?? '',
      target: req.url ?? '',
      host: 'front.test',
      fields: [ownLine(ownName('IM-Identity'), 'signed')],
      framing: framingOf({
        contentLength: req.headers['content-length'],
        transferEncoding: req.headers['transfer-encoding'],
      }),
      ...adapt.head,
    }
    forward(req, res, head, {
      responseFields: ['Access-Control-Allow-Origin', '*'],
      fail(code) {
        failures.push(code)
        res.writeHead(500, ['Content-Length', `${code.length}`])
        res.end(code)
      },
      onDone(result) {
        results.push(result)
        settled.resolve()
        settled = Promise.withResolvers()
      },
      ...adapt.hooks,
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    results,
    failures,
    async result() {
      while (results.length <= handedOut) await settled.promise
      return results[handedOut++]!
    },
  }
}

/** Resolves once the condition holds, asked again whenever the loop has turned. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
