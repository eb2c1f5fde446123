import type { Readable } from 'node:stream'

/** Both ends are included. */
export type ByteRange = { start: number; end: number }

/**
 * Where the bytes of files lie, under keys of ours: a disk, or S3 and what speaks like it. Who may read them, and what
 * they are called, is in the database.
 */
export type FileStorage = {
  /** Resolves when all of it is there to stay; a failure, or an abort, leaves nothing readable under the key. */
  put(key: string, content: Readable, signal: AbortSignal): Promise<void>
  /** @throws FileMissingError */
  open(key: string, range?: ByteRange): Promise<Readable>
  /** Removes what there is of it, finished or not; nothing is fine. */
  remove(key: string): Promise<void>
  close(): void
}

export class FileMissingError extends Error {
  constructor(options: { cause: unknown }) {
    super('the bytes of a file are not where they should be', options)
    this.name = 'FileMissingError'
  }
}

/** Keys become paths: they are made of nothing that means something there. */
export function requireKey(key: string): string {
  if (!/^[0-9a-f]{16,64}$/.test(key)) throw new TypeError('a key is 16 to 64 hexadecimal digits')
  return key
}
