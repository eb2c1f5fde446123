import { Socket, type SocketConstructorOpts } from 'node:net'

type Done = (error?: Error | null) => void
type Written = { chunk: Buffer; encoding: BufferEncoding }[]

/**
 * A socket that goes on reading when it can no longer write. A server that refuses a long body answers, and closes with
 * the rest of it unread; the kernel then fails our next write, while the answer stands in the receive buffer (RFC 9112
 * section 9.5). What is written after that goes nowhere; the end of the read side tells what became of the exchange.
 */
export class AnswerFirstSocket extends Socket {
  /** A long body is being written; whatever is written in one piece is there, or lost, before an answer can be. */
  isStreaming = false
  readonly #onUnwritable: (error: Error) => void
  #isUnwritable = false

  constructor(options: SocketConstructorOpts, onUnwritable: (error: Error) => void) {
    super(options)
    this.#onUnwritable = onUnwritable
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    if (this.#isUnwritable) done()
    else if (this.isStreaming) super._write(chunk, encoding, (error) => this.#written(error, done))
    else super._write(chunk, encoding, done)
  }

  override _writev(chunks: Written, done: Done): void {
    if (this.#isUnwritable) done()
    else super._writev?.(chunks, (error) => this.#written(error, done))
  }

  #written(error: Error | null | undefined, done: Done): void {
    if (error && this.readable) {
      this.#isUnwritable = true
      this.#onUnwritable(error)
      done()
    } else done(error)
  }
}
