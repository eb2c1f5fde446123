import type { Logger } from '../observe/log.ts'
import type { FigureSource } from './figures.ts'

/** What the feed uses of a WebSocket. */
export type Reader = {
  readonly bufferedAmount: number
  send(text: string): void
  close(code: number, reason: string): void
  on(event: 'close' | 'error', listener: () => void): unknown
}

export type Feed = {
  add(reader: Reader): void
  readerCount(): number
  close(): void
}

export type FeedParts = { figures: () => FigureSource; log: Logger; intervalMs?: number; maxReaders?: number }

/** A reader that has not read so much misses a second, or as many as it takes. */
const MAX_UNREAD_BYTES = 16_384
/** RFC 6455 §7.4.1: try again later. */
const TRY_AGAIN_LATER = 1013

/** One message a second to everyone who looks; while nobody does, nothing is counted. */
export function createFeed({ figures, log, intervalMs = 1_000, maxReaders = 20 }: FeedParts): Feed {
  const readers = new Set<Reader>()
  let timer: NodeJS.Timeout | undefined
  let source: FigureSource | undefined
  let isSampling = false

  async function tick(): Promise<void> {
    // One after the other, however long a sample takes.
    if (isSampling || source === undefined) return
    isSampling = true
    try {
      const text = JSON.stringify(await source.sample())
      for (const reader of readers) if (reader.bufferedAmount <= MAX_UNREAD_BYTES) reader.send(text)
    } catch (error) {
      log.warn({ err: error, reason: 'CONSOLE_FIGURES' }, 'the console has no figures')
    } finally {
      isSampling = false
    }
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
    source = undefined
  }

  return {
    add(reader) {
      if (readers.size >= maxReaders) {
        reader.close(TRY_AGAIN_LATER, 'too many consoles are open')
        return
      }
      readers.add(reader)
      reader.on('error', () => {})
      reader.on('close', () => {
        readers.delete(reader)
        if (readers.size === 0) stop()
      })
      if (timer !== undefined) return
      source = figures()
      timer = setInterval(() => void tick(), intervalMs).unref()
      void tick()
    },
    readerCount: () => readers.size,
    close: stop,
  }
}
