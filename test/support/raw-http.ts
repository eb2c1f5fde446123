import { once } from 'node:events'
import { connect } from 'node:net'
import { type HeaderField, takeMessage, valuesOf } from './http-message.ts'

export type RawResponse = {
  status: number
  reason: string
  fields: HeaderField[]
  body: Buffer
  /** The first value of a name, in any case. */
  header(name: string): string | undefined
  text(): string
  json(): unknown
}

export type RawConnection = {
  write(bytes: string | Buffer): void
  /** Ends our half; the other side may still answer. */
  end(): void
  /** The next response, interim ones (100) included; rejects when the connection closes before it is whole. */
  response(options?: { toHead?: boolean }): Promise<RawResponse>
  /** Exactly that many bytes of what follows the responses taken so far: a tunnel's. */
  bytes(count: number): Promise<Buffer>
  /** Resolves once the other side has closed, with all that was never taken. */
  closed: Promise<Buffer>
  /** The same, but rejects where the other side leaves the connection open. */
  untilClosed(): Promise<Buffer>
  isClosed(): boolean
  /** Everything received, from the first byte. */
  received(): Buffer
  destroy(): void
  /** With RST: what was on its way is lost on both sides. */
  reset(): void
}

const PATIENCE_MS = 10_000

/** A connection that sends what it is told, byte by byte, and reads what comes. Strings are latin-1. */
export async function openRaw(target: number | string, host = '127.0.0.1'): Promise<RawConnection> {
  const port = typeof target === 'number' ? target : Number(new URL(target).port)
  const socket = connect({ port, host, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const all: Buffer[] = []
  let pending = Buffer.alloc(0)
  let ended = false
  let wake = Promise.withResolvers<void>()
  const closing = Promise.withResolvers<Buffer>()
  const changed = () => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const finish = () => {
    ended = true
    changed()
    closing.resolve(pending)
  }
  socket.on('data', (chunk) => {
    all.push(chunk)
    pending = Buffer.concat([pending, chunk])
    changed()
  })
  socket.on('end', finish).on('close', finish)
  // A reset is a way of closing; what was received before it is the result.
  socket.on('error', finish)

  async function until<T>(what: string, take: () => T | undefined): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const taken = take()
      if (taken !== undefined) return taken
      const seen = pending.toString('latin1').slice(0, 500)
      if (ended) throw new Error(`connection closed before ${what}; unread: ${JSON.stringify(seen)}`)
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`no ${what} in ${PATIENCE_MS} ms; unread: ${JSON.stringify(seen)}`)
      await Promise.race([wake.promise, delay(left)])
    }
  }

  return {
    write: (bytes) => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    },
    end: () => {
      socket.end()
    },
    response: ({ toHead = false } = {}) =>
      until('a whole response', () => {
        const taken = takeMessage(pending, (line) => bodyOfResponse(line, toHead), ended)
        if (taken === undefined) return undefined
        pending = Buffer.from(taken.rest)
        return toResponse(taken.message)
      }),
    bytes: (count) =>
      until(`${count} bytes`, () => {
        if (pending.length < count) return undefined
        const taken = pending.subarray(0, count)
        pending = pending.subarray(count)
        return taken
      }),
    closed: closing.promise,
    untilClosed: () => Promise.race([closing.promise, afterPatience('the connection is still open')]),
    isClosed: () => ended,
    received: () => Buffer.concat(all),
    destroy: () => {
      socket.destroy()
    },
    reset: () => {
      socket.resetAndDestroy()
    },
  }
}

/** Sends one request's exact bytes on a connection of its own and reads one response. */
export async function sendRaw(target: number | string, bytes: string | Buffer): Promise<RawResponse> {
  const connection = await openRaw(target)
  try {
    connection.write(bytes)
    return await connection.response()
  } finally {
    connection.destroy()
  }
}

/** The text of a request with CRLF line ends; a Host field is added where none is given. */
export function requestText(startLine: string, fields: readonly string[] = [], body = ''): string {
  const host = fields.some((field) => /^host:/i.test(field)) ? [] : ['Host: gateway.test']
  return `${[startLine, ...host, ...fields].join('\r\n')}\r\n\r\n${body}`
}

function bodyOfResponse(startLine: string, toHead: boolean): 'none' | 'until-close' {
  const status = Number(startLine.split(' ')[1])
  return toHead || status < 200 || status === 204 || status === 304 ? 'none' : 'until-close'
}

function toResponse(message: { startLine: string; fields: HeaderField[]; body: Buffer }): RawResponse {
  const [, status, ...reason] = message.startLine.split(' ')
  return {
    status: Number(status),
    reason: reason.join(' '),
    fields: message.fields,
    body: message.body,
    header: (name) => valuesOf(message.fields, name)[0],
    text: () => message.body.toString(),
    json: () => JSON.parse(message.body.toString()),
  }
}

async function afterPatience(complaint: string): Promise<never> {
  await delay(PATIENCE_MS)
  throw new Error(`${complaint} after ${PATIENCE_MS} ms`)
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
