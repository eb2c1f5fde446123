import { LRUCache } from 'lru-cache'
import { type KeyKind, markKeyUsed } from '../store/apps.ts'
import type { Database } from '../store/database.ts'

/** Notes that keys are in use: a statement a minute for each key, whatever is asked of this core. */
export type KeyUse = { note(kind: KeyKind, digest: string): void }

const EVERY_MS = 60_000
const MAX_KEYS = 10_000

export function createKeyUse(db: Database, clock: () => number): KeyUse {
  const notedAtMs = new LRUCache<string, number>({ max: MAX_KEYS })
  return {
    note(kind, digest) {
      const nowMs = clock()
      if (nowMs - (notedAtMs.get(digest) ?? -Infinity) < EVERY_MS) return
      notedAtMs.set(digest, nowMs)
      markKeyUsed(db, kind, digest, new Date(nowMs)).catch(() => notedAtMs.delete(digest))
    },
  }
}
