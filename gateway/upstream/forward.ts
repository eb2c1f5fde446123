import { type ErrorCode, errorEntry } from '../errors.ts'
import { reuseBuffer } from './answer-buffer.ts'
import type { ClientRequest, ClientResponse } from './client-exchange.ts'
import type { Exchange, UpstreamConnection } from './connection.ts'
import { codeOfFailure, mayRepeat, type UpstreamFailure } from './failure.ts'
import type { ForwardHead, ForwardHooks } from './forward-contract.ts'
import type { UpstreamPool } from './pool.ts'
import { bytesOf, endAfterLingering, endWith, relayHead } from './relay.ts'
import { RequestBody } from './request-body.ts'
import { framingOfLength, type RequestFraming, requestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import type { WholeBody } from './response-parser.ts'
import type { Upstream, Waiter } from './upstream.ts'

export type Forward = (
  req: ClientRequest,
  res: ClientResponse,
  head: ForwardHead,
  hooks: ForwardHooks,
) => void

/** Up to this a body goes with its head in one write; it also bounds what is gathered for a slow client. */
const MAX_SMALL_BODY_BYTES = 16_384
/** Less is copied: while it waits it would hold the whole buffer that it was read into. */
const MIN_UNCOPIED_BYTES = 16_384
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

export function createForward(pool: UpstreamPool, settings: { maxBodyBytes?: number } = {}): Forward {
  const maxBodyBytes = settings.maxBodyBytes ?? Number.POSITIVE_INFINITY
  return (req, res, head, hooks) => {
    new Forwarding(pool, req, res, head, hooks).begin(maxBodyBytes)
  }
}

/** One request on its way to a core, and the answer on its way back. */
class Forwarding implements Exchange, Waiter {
  readonly nodeId: string | undefined
  isFresh = false
  avoided: Upstream | undefined
  waitsUntilMs = 0
  readonly #pool: UpstreamPool
  readonly #req: ClientRequest
  readonly #res: ClientResponse
  readonly #head: ForwardHead
  readonly #hooks: ForwardHooks
  /** Head and, where it is small, body; what is written at once. */
  #text = ''
  #framing: RequestFraming
  #body: RequestBody | undefined
  #isStreaming = false
  /** While the exchange lasts. */
  #connection: UpstreamConnection | undefined
  #upstream: Upstream | undefined
  #isRetried = false
  #isAnswered = false
  #isOver = false
  /** What has come of an answer that is held back. */
  #held: { bytes: Buffer[]; isComplete: boolean } | undefined

  constructor(
    pool: UpstreamPool,
    req: ClientRequest,
    res: ClientResponse,
    head: ForwardHead,
    hooks: ForwardHooks,
  ) {
    this.#pool = pool
    this.#req = req
    this.#res = res
    this.#head = head
    this.#framing = head.framing
    this.#hooks = hooks
    this.nodeId = head.nodeId
  }

  begin(maxBodyBytes: number): void {
    const { body } = this.#head
    const framing = body === undefined ? this.#head.framing : framingOfLength(body.length)
    // The client may have left while its credentials were looked at.
    if (this.#res.destroyed) this.#onClientGone()
    else if (framing.kind === 'fixed' && framing.length > maxBodyBytes) this.#fail('PAYLOAD_TOO_LARGE')
    else {
      this.#framing = framing
      try {
        this.#text = requestHead(this.#head, framing)
      } catch (error) {
        this.#fail('INTERNAL', error)
        return
      }
      this.#res.on('close', () => this.#onClientGone())
      if (body !== undefined) this.#sendWith(body)
      else if (framing.kind === 'absent') this.#pool.acquire(this)
      else this.#sendBody(new RequestBody(this.#req, maxBodyBytes), framing)
    }
  }

  onConnection(connection: UpstreamConnection, upstream: Upstream): void {
    this.#connection = connection
    this.#upstream = upstream
    const more = this.#isStreaming
    connection.start(this, this.#text, { toHead: this.#head.method === 'HEAD', more })
    if (more) this.#body?.pump(connection, this.#framing.kind === 'chunked', () => this.#onTooLarge())
  }

  onRefused(): void {
    this.#fail('NO_UPSTREAM')
  }

  onWritable(): void {
    this.#body?.resume()
  }

  onHead(head: ResponseHead, body: WholeBody | undefined): void {
    this.#isAnswered = true
    if (body !== undefined) this.#connection = undefined
    const { credentialPosition } = head
    const hold = credentialPosition === undefined ? undefined : this.#hooks.holdFor?.(credentialPosition)
    if (hold === undefined) this.#relay(head, body)
    else this.#holdBack(hold, head, body)
  }

  onBody(bytes: Buffer): void {
    if (this.#held !== undefined) this.#held.bytes.push(Buffer.from(bytes))
    else if (bytes.length >= MIN_UNCOPIED_BYTES && this.#connection?.buffer.mayGive)
      this.#writeUncopied(bytes)
    else if (!this.#res.write(Buffer.from(bytes))) this.#connection?.pause()
  }

  onEnd(): void {
    this.#connection = undefined
    if (this.#held !== undefined) this.#held.isComplete = true
    else this.#end()
  }

  onFailure(failure: UpstreamFailure): void {
    this.#connection = undefined
    const isRepeatable = this.#framing.kind === 'absent' && IDEMPOTENT.has(this.#head.method)
    if (isRepeatable && !this.#isRetried && !this.#isAnswered && mayRepeat(failure)) {
      this.#isRetried = true
      this.isFresh = true
      if (failure.cause !== 'stale') this.avoided = this.#upstream
      this.#pool.acquire(this)
    } else this.#fail(codeOfFailure(failure), failure.error)
  }

  #sendBody(body: RequestBody, framing: Exclude<RequestFraming, { kind: 'absent' }>): void {
    this.#body = body
    this.#isStreaming = framing.kind === 'chunked' || framing.length > MAX_SMALL_BODY_BYTES
    if (framing.kind === 'chunked' || this.#isStreaming) this.#pool.acquire(this)
    else body.collect(framing.length, (whole) => this.#sendWith(whole.toString('latin1')))
  }

  #sendWith(body: string): void {
    if (this.#isOver) return
    this.#text += body
    this.#pool.acquire(this)
  }

  #relay(head: ResponseHead, body: WholeBody | undefined): void {
    const res = this.#res
    // The rest of the client's body may never be read; what follows it could not be found then.
    if (this.#isUploading()) res.shouldKeepAlive = false
    relayHead(res, head, this.#hooks)
    if (body === undefined) {
      res.on('drain', () => this.#connection?.resume())
      // After the bytes that came with the head, so that they leave together.
      queueMicrotask(() => {
        if (!res.writableEnded) res.flushHeaders()
      })
    } else if (this.#isUploading()) {
      if (body.length > 0) res.write(bytesOf(body))
      this.#end()
    } else {
      // First, because an answer may close as it ends.
      this.#settle(head.status, undefined)
      endWith(res, body)
    }
  }

  /** A copy of all that passes keeps V8's collector busy; most of it the kernel takes at once, and is gone then. */
  #writeUncopied(bytes: Buffer): void {
    let given: Buffer | undefined
    const isReady = this.#res.write(bytes, (error) => {
      if (given !== undefined && !error) reuseBuffer(given)
    })
    if (this.#res.writableLength === 0) return
    given = this.#connection?.buffer.give()
    if (!isReady) this.#connection?.pause()
  }

  /** The client must not hear of changed credentials before this gateway goes by them. */
  #holdBack(hold: Promise<void>, head: ResponseHead, body: WholeBody | undefined): void {
    const held = { bytes: [] as Buffer[], isComplete: false }
    const whole = typeof body === 'object' ? bytesOf(body) : body
    this.#held = held
    this.#connection?.pause()
    const go = (): void => {
      if (this.#isOver) return
      this.#held = undefined
      this.#relay(head, whole)
      for (const bytes of held.bytes) this.#res.write(bytes)
      if (held.isComplete) this.#end()
      else this.#connection?.resume()
    }
    // The change is made, whether or not we know to have followed it: the answer is never withheld for good.
    hold.then(go, go)
  }

  #end(): void {
    this.#settle(this.#res.statusCode, undefined)
    if (this.#isUploading()) {
      this.#body?.stop()
      endAfterLingering(this.#req, this.#res)
    } else this.#res.end()
  }

  /** Not a getter: V8 calls private ones out of line. */
  #isUploading(): boolean {
    return this.#body !== undefined && !this.#req.complete
  }

  #onTooLarge(): void {
    this.#connection?.destroy()
    this.#connection = undefined
    this.#fail('PAYLOAD_TOO_LARGE')
  }

  #onClientGone(): void {
    if (this.#isOver) return
    this.#body?.stop()
    if (this.#connection === undefined) this.#pool.forget(this)
    else this.#connection.abandon()
    this.#connection = undefined
    this.#settle(this.#res.headersSent ? this.#res.statusCode : 0, undefined, true)
  }

  #fail(code: ErrorCode, cause?: unknown): void {
    if (this.#isOver) return
    this.#body?.stop()
    if (this.#res.headersSent) {
      // Too late for an error; cut short, so that the client can tell.
      this.#settle(this.#res.statusCode, code)
      this.#res.destroy()
      return
    }
    if (this.#isUploading()) {
      this.#res.shouldKeepAlive = false
      this.#req.resume()
    }
    this.#settle(errorEntry(code).status, code)
    this.#hooks.fail(code, cause)
  }

  #settle(status: number, error: ErrorCode | undefined, isAborted = false): void {
    this.#isOver = true
    const upstream = this.#upstream?.name
    this.#hooks.onDone({ status, error, isAborted, isRetried: this.#isRetried, upstream })
  }
}
