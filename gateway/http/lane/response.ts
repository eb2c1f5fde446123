import { EventEmitter } from 'node:events'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { writeWithBatch } from '../../batch.ts'
import type { ClientResponse } from '../../upstream/client-exchange.ts'

export type ResponseParts = {
  /** What the client may rely on, in the words of `Keep-Alive`. */
  keepAliveField: string
  date(): string
}

const NO_BODY = new Set([204, 304])

/** The answer to a request of the lane: the bytes that `node:http` would write. */
export class LaneResponse extends EventEmitter implements ClientResponse {
  statusCode = 200
  shouldKeepAlive: boolean
  headersSent = false
  writableEnded = false
  readonly #socket: Socket
  readonly #parts: ResponseParts
  readonly #onEnd: (response: LaneResponse) => void
  #head = ''
  #isChunked = false
  #isClosed = false

  constructor(
    socket: Socket,
    keepsConnection: boolean,
    parts: ResponseParts,
    onEnd: (response: LaneResponse) => void,
  ) {
    super()
    this.#socket = socket
    this.shouldKeepAlive = keepsConnection
    this.#parts = parts
    this.#onEnd = onEnd
  }

  get writableLength(): number {
    return this.#socket.writableLength
  }

  get destroyed(): boolean {
    return this.#isClosed
  }

  writeHead(status: number, reasonOrFields: string | readonly string[], given?: readonly string[]): void {
    const fields = given ?? (reasonOrFields as readonly string[])
    const reason = typeof reasonOrFields === 'string' ? reasonOrFields : (STATUS_CODES[status] ?? '')
    let text = `HTTP/1.1 ${status} ${reason}\r\n`
    let hasDate = false
    let hasLength = false
    let hasConnection = false
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string
      text += `${name}: ${fields[i + 1]}\r\n`
      if (name === 'Connection') hasConnection = true
      else if (name.length === 4) hasDate ||= name.toLowerCase() === 'date'
      else if (name.length === 14) hasLength ||= name === 'Content-Length'
    }
    if (!hasDate) text += `Date: ${this.#parts.date()}\r\n`
    // Of the gateway's own fields only: a core's stays between it and us.
    if (hasConnection) this.shouldKeepAlive = false
    else text += this.shouldKeepAlive ? this.#parts.keepAliveField : 'Connection: close\r\n'
    this.#isChunked = !hasLength && !NO_BODY.has(status)
    if (this.#isChunked) text += 'Transfer-Encoding: chunked\r\n'
    this.#head = `${text}\r\n`
    this.statusCode = status
    this.headersSent = true
  }

  flushHeaders(): void {
    if (this.#head !== '' && !this.#isClosed) this.#socket.write(this.#takeHead(), 'latin1')
  }

  write(chunk: Buffer): boolean {
    const socket = this.#socket
    if (this.#isClosed) return true
    socket.cork()
    this.flushHeaders()
    if (this.#isChunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    let isReady = socket.write(chunk)
    if (this.#isChunked) isReady = socket.write('\r\n', 'latin1')
    socket.uncork()
    return isReady
  }

  end(chunk?: Buffer | string, encoding: BufferEncoding = 'utf8'): void {
    if (this.writableEnded || this.#isClosed) return
    this.writableEnded = true
    this.#writeLast(chunk, encoding)
    this.#onEnd(this)
    this.closed()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** The connection has gone, or the answer is complete: once, whichever comes first. */
  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.emit('close')
  }

  #writeLast(chunk: Buffer | string | undefined, encoding: BufferEncoding): void {
    const socket = this.#socket
    writeWithBatch(socket)
    if (chunk === undefined || chunk.length === 0) {
      const text = this.#takeHead() + (this.#isChunked ? '0\r\n\r\n' : '')
      if (text !== '') socket.write(text, 'latin1')
    } else if (typeof chunk === 'string' && encoding === 'latin1' && !this.#isChunked) {
      // Head and body leave in one write.
      socket.write(this.#takeHead() + chunk, 'latin1')
    } else {
      this.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
      if (this.#isChunked) socket.write('0\r\n\r\n', 'latin1')
    }
  }

  #takeHead(): string {
    const head = this.#head
    this.#head = ''
    return head
  }
}
