import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { CoreError } from '../errors.ts'

export type Measured = {
  stream: Transform
  /** Known when the stream has ended. */
  length(): number
  md5(): string
  /** The first bytes, as many as there are. */
  head(): Buffer
}

const HEAD_BYTES = 64

/** Passes bytes on and counts them; ends in CoreError PAYLOAD_TOO_LARGE with the first byte too many. */
export function measured(maxBytes: number): Measured {
  // A name for sameness that clients know; nothing is proven by it.
  const hash = createHash('md5')
  let length = 0
  let head = Buffer.alloc(0)
  let digest: string | undefined
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length
      if (length > maxBytes)
        return done(new CoreError('PAYLOAD_TOO_LARGE', `A file has at most ${maxBytes} bytes.`))
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk]).subarray(0, HEAD_BYTES)
      hash.update(chunk)
      done(null, chunk)
    },
  })
  return {
    stream,
    length: () => length,
    md5() {
      digest ??= hash.digest('hex')
      return digest
    },
    head: () => head,
  }
}
