import type { ClientRequest } from './client-exchange.ts'
import type { UpstreamConnection } from './connection.ts'

/** The body of a client's request, read for the core and nowhere looked into. */
export class RequestBody {
  readonly #req: ClientRequest
  readonly #maxBytes: number
  #bytes = 0
  #onData: ((chunk: Buffer) => void) | undefined
  #onEnd: (() => void) | undefined

  constructor(req: ClientRequest, maxBytes: number) {
    this.#req = req
    this.#maxBytes = maxBytes
  }

  /** Gathers a body of known, small length; nothing of it is worth a connection before all has arrived. */
  collect(length: number, onWhole: (body: Buffer) => void): void {
    const chunks: Buffer[] = []
    this.#read((chunk) => {
      chunks.push(chunk)
      this.#bytes += chunk.length
      if (this.#bytes < length) return
      this.stop()
      onWhole(chunks.length === 1 ? chunk : Buffer.concat(chunks))
    })
  }

  /** Writes it to the core as it comes, as fast as the core reads. */
  pump(connection: UpstreamConnection, chunked: boolean, onTooLarge: () => void): void {
    this.#read(
      (chunk) => {
        this.#bytes += chunk.length
        if (this.#bytes > this.#maxBytes) onTooLarge()
        else if (!connection.write(chunk, chunked)) this.#req.pause()
      },
      () => connection.finish(chunked),
    )
  }

  resume(): void {
    this.#req.resume()
  }

  /** Reads no more; what has not been read stays with the client. */
  stop(): void {
    if (this.#onData !== undefined) this.#req.off('data', this.#onData)
    if (this.#onEnd !== undefined) this.#req.off('end', this.#onEnd)
    this.#onData = undefined
    this.#onEnd = undefined
  }

  #read(onData: (chunk: Buffer) => void, onEnd?: () => void): void {
    this.#onData = onData
    this.#onEnd = onEnd
    this.#req.on('data', onData)
    if (onEnd !== undefined) this.#req.on('end', onEnd)
  }
}
