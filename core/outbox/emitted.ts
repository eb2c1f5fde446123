/** What the sockets have been told lately, by this core or, over Redis, by another. */
export type Emitted = {
  note(key: string): void
  has(key: string): boolean
  forget(key: string): void
}

/** Beyond this the oldest go: those of rooms whose shards another core relays. */
const MAX_KEYS = 50_000

export function createEmitted(): Emitted {
  const keys = new Set<string>()
  return {
    note(key) {
      keys.add(key)
      if (keys.size > MAX_KEYS) for (const oldest of keys) return void keys.delete(oldest)
    },
    has: (key) => keys.has(key),
    forget: (key) => keys.delete(key),
  }
}
