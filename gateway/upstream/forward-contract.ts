import type { ErrorCode } from '../errors.ts'
import type { RequestFraming, RequestLine } from './request-head.ts'

export type ForwardHead = RequestLine & {
  /** Of the client's own body. */
  framing: RequestFraming
  /** The core that the request belongs to, if it is to be had. */
  nodeId?: string | undefined
  /** The body (latin-1: a character a byte), where it has been read already; the client's own is then not touched. */
  body?: string | undefined
}

export type ForwardResult = {
  /** What the client was answered; 0 where it left before. */
  status: number
  error: ErrorCode | undefined
  /** The client left first. */
  isAborted: boolean
  isRetried: boolean
  /** The address that was asked last. */
  upstream: string | undefined
}

export type ForwardHooks = {
  /** Added to the answer, flat name, value, …; the same array again where they are the same. */
  responseFields: readonly string[]
  /** Told to the client. */
  requestId?: string | undefined
  /** Awaited, if it answers a promise, before an answer that changed credentials goes out; sets its own bound. */
  holdFor?: ((position: number) => Promise<void> | undefined) | undefined
  /** Answers the client in the forwarder's stead; called at most once, before anything else was sent. */
  fail(code: ErrorCode, cause?: unknown): void
  /** Called once, when the forwarder is done with the request. */
  onDone(result: ForwardResult): void
}
