import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { writeWithBatch } from '../../batch.ts'
import { copied } from '../../headers/field-lines.ts'
import type { TextWriter } from '../../text-writer.ts'
import type { ClientResponse } from '../../upstream/client-exchange.ts'
import { relayedLength } from '../../upstream/relay.ts'
import { type AddedFields, isRelayed } from '../../upstream/response-fields.ts'
import type { ResponseHead } from '../../upstream/response-head.ts'

export type ResponseParts = {
  /** What the client may rely on, in the words of `Keep-Alive`. */
  keepAliveField: string
  date(): string
}

/** What is among the fields already. */
type Has = { hasDate: boolean; hasLength: boolean; hasConnection: boolean }

type Listener = () => void

const both = (first: Listener, second: Listener) => (): void => {
  first()
  second()
}

const NO_BODY = new Set([204, 304])

const texts = new WeakMap<readonly string[], string>()

/** Nearly all answers of a deployment have the same few. */
function textOf(fields: readonly string[]): string {
  const known = texts.get(fields)
  if (known !== undefined) return known
  let text = ''
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  const kept = copied(text)
  texts.set(fields, kept)
  return kept
}

/** The answer to a request of the lane: the bytes that `node:http` would write. */
export class LaneResponse implements ClientResponse {
  statusCode = 200
  shouldKeepAlive: boolean
  headersSent = false
  writableEnded = false
  readonly #socket: Socket
  readonly #writer: TextWriter
  readonly #parts: ResponseParts
  readonly #onEnd: (response: LaneResponse) => void
  #head = ''
  #isChunked = false
  #isClosed = false
  /** Mostly one: an emitter would be more than that. */
  #onClose: Listener | undefined
  #onDrain: Listener | undefined

  constructor(
    socket: Socket,
    writer: TextWriter,
    keepsConnection: boolean,
    parts: ResponseParts,
    onEnd: (response: LaneResponse) => void,
  ) {
    this.#socket = socket
    this.#writer = writer
    this.shouldKeepAlive = keepsConnection
    this.#parts = parts
    this.#onEnd = onEnd
  }

  on(event: 'close' | 'drain', listener: () => void): void {
    if (event === 'drain') this.#onDrain = listener
    else this.#onClose = this.#onClose === undefined ? listener : both(this.#onClose, listener)
  }

  once(event: 'close', listener: () => void): void {
    this.on(event, listener)
  }

  /** What was written has left. */
  drained(): void {
    this.#onDrain?.()
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
      const name = (fields[i] as string).toLowerCase()
      text += `${fields[i]}: ${fields[i + 1]}\r\n`
      hasDate ||= name === 'date'
      hasLength ||= name === 'content-length'
      hasConnection ||= name === 'connection'
    }
    // Only ever the gateway's own `close`.
    if (hasConnection) this.shouldKeepAlive = false
    this.#setHead(status, text, { hasDate, hasLength, hasConnection })
  }

  writeLines(head: ResponseHead, { responseFields, requestId }: AddedFields): void {
    let text = head.statusLine
    let hasDate = false
    for (const line of head.lines) {
      if (!isRelayed(line, head)) continue
      text += line.text
      hasDate ||= line.name.lower === 'date'
    }
    text += textOf(responseFields)
    if (requestId !== undefined) text += `X-Request-ID: ${requestId}\r\n`
    const length = relayedLength(head)
    if (length !== undefined) text += `Content-Length: ${length}\r\n`
    this.#setHead(head.status, text, { hasDate, hasLength: length !== undefined, hasConnection: false })
  }

  #setHead(status: number, fields: string, has: Has): void {
    let text = fields
    if (!has.hasDate) text += `Date: ${this.#parts.date()}\r\n`
    if (!has.hasConnection)
      text += this.shouldKeepAlive ? this.#parts.keepAliveField : 'Connection: close\r\n'
    this.#isChunked = !has.hasLength && !NO_BODY.has(status)
    if (this.#isChunked) text += 'Transfer-Encoding: chunked\r\n'
    this.#head = `${text}\r\n`
    this.statusCode = status
    this.headersSent = true
  }

  flushHeaders(): void {
    if (this.#head !== '' && !this.#isClosed) this.#socket.write(this.#takeHead(), 'latin1')
  }

  write(chunk: Buffer, written?: (error?: Error | null) => void): boolean {
    const socket = this.#socket
    if (this.#isClosed) return true
    socket.cork()
    this.flushHeaders()
    if (this.#isChunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    let isReady = socket.write(chunk, written)
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
    this.#onClose?.()
  }

  #writeLast(chunk: Buffer | string | undefined, encoding: BufferEncoding): void {
    const socket = this.#socket
    if (chunk === undefined || chunk.length === 0) {
      const text = this.#takeHead() + (this.#isChunked ? '0\r\n\r\n' : '')
      if (text !== '') this.#writer.write(text)
    } else if (typeof chunk === 'string' && encoding === 'latin1' && !this.#isChunked) {
      // Head and body leave in one write. Before an end it cannot wait.
      const text = this.#takeHead() + chunk
      if (this.shouldKeepAlive) writeWithBatch(this.#writer, text)
      else this.#writer.write(text)
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
