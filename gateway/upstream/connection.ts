import { addToBatch, type BatchWork, writeWithBatch } from '../batch.ts'
import { readInto } from '../read-into.ts'
import { TextWriter } from '../text-writer.ts'
import { AnswerBuffer } from './answer-buffer.ts'
import { AnswerFirstSocket } from './answer-first-socket.ts'
import type { FailureCause, UpstreamFailure } from './failure.ts'
import { freeMemory } from './free-memory.ts'
import type { ResponseHead } from './response-head.ts'
import { ResponseParser, type ResponseSink, type WholeBody } from './response-parser.ts'
import type { UpstreamSettings } from './settings.ts'

/**
 * Hears of one exchange: `onHead` with the whole body, or `onHead`, `onBody`…, `onEnd`; or, at any point before
 * the last of these, `onFailure`. After its last call the connection is no longer the exchange's to use.
 */
export type Exchange = ResponseSink & {
  onFailure(failure: UpstreamFailure): void
  /** More of the request's body may be written. */
  onWritable(): void
}

export type ConnectionOwner = {
  onHead(head: ResponseHead): void
  onFailure(failure: UpstreamFailure): void
  /** Ready for another exchange. */
  onIdle(connection: UpstreamConnection): void
  /** Once, and nothing follows it. */
  onClosed(connection: UpstreamConnection): void
}

export type ConnectionParts = {
  settings: UpstreamSettings
  clock: () => number
}

/** More is worked on at once: it is worth its own time, and not worth a copy. */
const MAX_BATCHED_BYTES = 8_192
/** The core's own word on its idle timeout is undercut by this. */
const KEEP_ALIVE_MARGIN_MS = 1_000
const MAX_DRAINED_BYTES = 65_536

/**
 * One connection to a core: one exchange at a time, in strict turn. A byte that belongs to no exchange destroys
 * it, as does everything else that is not a whole response, wholly understood.
 *
 * It has no timers: whoever owns it looks at `deadlineMs` now and then, and calls `expire()`.
 */
export class UpstreamConnection implements ResponseSink, BatchWork {
  deadlineMs: number
  readonly #owner: ConnectionOwner
  readonly #settings: UpstreamSettings
  readonly #clock: () => number
  readonly #socket: AnswerFirstSocket
  readonly #writer: TextWriter
  /** Where `onBody`'s bytes stand, and whether they may be kept. */
  readonly buffer = new AnswerBuffer()
  readonly #parser: ResponseParser
  #exchange: Exchange | undefined
  #exchanges = 0
  #connected = false
  #closed = false
  /** All of the request has been handed to the socket. */
  #sent = true
  /** A byte of the response has come. */
  #answered = false
  #paused = false
  /** What waits for its turn in the batch (latin-1: a character a byte). */
  #arrived: string | undefined
  #error: unknown

  constructor(address: { host: string; port: number }, owner: ConnectionOwner, parts: ConnectionParts) {
    this.#owner = owner
    this.#settings = parts.settings
    this.#clock = parts.clock
    this.#parser = new ResponseParser(this)
    this.deadlineMs = parts.clock() + parts.settings.connectTimeoutMs
    // What `readInto` does once there is a connection, where it can.
    const onread = {
      buffer: this.buffer.next,
      callback: (bytes: number, buffer: Uint8Array) => this.#onRead(bytes, buffer as Buffer),
    }
    this.#socket = new AnswerFirstSocket({ onread }, (error) => {
      this.#error = error
    })
    this.#writer = new TextWriter(this.#socket)
    this.#socket.on('connect', () => this.#onConnect())
    this.#socket.on('end', () => this.#onEnded())
    this.#socket.on('drain', () => this.#onDrain())
    this.#socket.on('error', (error) => {
      this.#error = error
    })
    this.#socket.on('close', () => this.#onClosed())
    this.#socket.setNoDelay(true).connect(address.port, address.host)
  }

  /**
   * Begins an exchange. `text` is the request's head, and its body where that is small (latin-1: a character a
   * byte), so that both leave in one write; with `more`, the body follows by `write` and `finish`.
   */
  start(exchange: Exchange, text: string, request: { toHead: boolean; more: boolean }): void {
    this.#exchange = exchange
    this.#exchanges++
    this.#answered = false
    this.#sent = !request.more
    this.#parser.begin(request.toHead)
    this.#socket.isStreaming = request.more
    // What follows is written by itself, and must not overtake.
    if (request.more) this.#socket.write(text, 'latin1')
    else writeWithBatch(this.#writer, text)
    if (this.#connected) this.#await()
  }

  /** @returns false where the caller should wait for `onWritable` */
  write(bytes: Buffer, chunked: boolean): boolean {
    if (this.#connected) this.#await()
    const written = (error?: Error | null): void => {
      if (!error) freeMemory(bytes)
    }
    if (!chunked) return this.#socket.write(bytes, written)
    this.#socket.cork()
    this.#socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1')
    this.#socket.write(bytes, written)
    const isReady = this.#socket.write('\r\n', 'latin1')
    this.#socket.uncork()
    return isReady
  }

  finish(chunked: boolean): void {
    if (chunked) this.#socket.write('0\r\n\r\n', 'latin1')
    this.#sent = true
    if (this.#connected && this.#parser.head === undefined) this.#await()
  }

  /** No more `onBody` after the bytes already read, until `resume`. */
  pause(): void {
    this.#paused = true
    this.#await()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#await()
    this.#socket.resume()
  }

  /** Ends the exchange early, without a word to it; the connection survives where little of the response is left. */
  abandon(): void {
    if (this.#sent && this.#parser.remainingBytes <= MAX_DRAINED_BYTES) {
      this.#exchange = DISCARD
      this.resume()
    } else this.destroy()
  }

  destroy(): void {
    this.#exchange = undefined
    this.#close()
  }

  /** To be called once `deadlineMs` has passed. */
  expire(): void {
    if (!this.#connected) this.#fail('connect-timeout')
    else if (this.#paused || (!this.#sent && !this.#socket.writableNeedDrain)) this.#fail('client-timeout')
    else this.#fail('timeout')
  }

  onHead(head: ResponseHead, body: WholeBody | undefined): void {
    this.#owner.onHead(head)
    this.#exchange?.onHead(head, body)
  }

  onBody(bytes: Buffer): void {
    this.#exchange?.onBody(bytes)
  }

  onEnd(): void {
    this.#exchange?.onEnd()
  }

  #onConnect(): void {
    this.#connected = true
    readInto(this.#socket, (bytes, buffer) => this.#onRead(bytes, buffer), this.buffer.next)
    this.#await()
  }

  /** @returns false to stop reading */
  #onRead(bytes: number, buffer: Buffer): boolean {
    this.buffer.wasRead(buffer)
    this.proceed()
    // Nor may it wait: by its turn they could be taken for the answer to another exchange.
    if (this.#exchange === undefined) {
      this.destroy()
      return true
    }
    if (bytes > MAX_BATCHED_BYTES) return this.#take(buffer, bytes)
    this.#arrived = buffer.toString('latin1', 0, bytes)
    // An answer to a request that is not complete costs both connections; the rest may just be coming in.
    addToBatch(this, !this.#sent)
    return true
  }

  /** Takes what was read for the batch, if that has not been done. */
  proceed(): void {
    const arrived = this.#arrived
    if (arrived === undefined) return
    this.#arrived = undefined
    if (!this.#take(arrived, arrived.length)) this.#socket.pause()
  }

  /** @returns false to stop reading */
  #take(received: Buffer | string, length: number): boolean {
    if (this.#exchange === undefined) return true
    this.#answered = true
    try {
      const at = this.#parser.read(received, length)
      if (this.#parser.done) this.#turn(at === length)
      // Only bytes of a body prolong the wait: a head that trickles in has one deadline.
      else if (this.#parser.head !== undefined) {
        this.#await()
        this.buffer.isLong = true
      }
    } catch (error) {
      this.#fail('malformed', error)
    }
    return !this.#paused
  }

  #onEnded(): void {
    this.proceed()
    if (this.#exchange !== undefined && this.#parser.finish()) this.#turn(false)
    else this.#fail('closed', this.#error)
  }

  #onClosed(): void {
    this.proceed()
    this.#fail(this.#connected ? 'closed' : 'connect', this.#error)
  }

  #onDrain(): void {
    if (this.#exchange === undefined || this.#sent) return
    this.#await()
    this.#exchange.onWritable()
  }

  /** The response is complete, and has been delivered. */
  #turn(isClean: boolean): void {
    const head = this.#parser.head
    this.#exchange = undefined
    this.#paused = false
    this.buffer.isLong = false
    if (this.#closed) return
    if (!isClean || !this.#sent || head?.keepAlive !== true) {
      this.#close()
      return
    }
    this.deadlineMs = this.#clock() + this.#idleTimeoutMs(head)
    this.#owner.onIdle(this)
  }

  /** It is to be we who close: what is sent as the core closes is lost, and not all of it may be sent again. */
  #idleTimeoutMs({ keepAliveMs }: ResponseHead): number {
    const { idleTimeoutMs, maxIdleTimeoutMs } = this.#settings
    if (keepAliveMs === undefined) return idleTimeoutMs
    return Math.min(keepAliveMs - KEEP_ALIVE_MARGIN_MS, maxIdleTimeoutMs)
  }

  #await(): void {
    const { headTimeoutMs, bodyIdleTimeoutMs } = this.#settings
    const isForHead = this.#sent && this.#parser.head === undefined
    this.deadlineMs = this.#clock() + (isForHead ? headTimeoutMs : bodyIdleTimeoutMs)
  }

  #fail(cause: FailureCause, error?: unknown): void {
    if (this.#closed) return
    const exchange = this.#exchange
    this.#exchange = undefined
    const isStale = cause === 'closed' && !this.#answered && this.#exchanges > 1
    const failure: UpstreamFailure = { cause: isStale ? 'stale' : cause, error }
    if (exchange !== undefined) this.#owner.onFailure(failure)
    this.#close()
    exchange?.onFailure(failure)
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.deadlineMs = Number.POSITIVE_INFINITY
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }
}

/** Takes the rest of a response that nobody waits for any more. */
const DISCARD: Exchange = {
  onHead() {},
  onBody() {},
  onEnd() {},
  onFailure() {},
  onWritable() {},
}
