import { userKey } from './bearers.ts'
import type { NamedIdentity } from './exchange.ts'

const EVERYTHING = 'everything'

/** Longer than any lookup may be in flight. */
const REMEMBERED_MS = 60_000

/**
 * What was revoked of late. A lookup that was in flight during a revocation may bring an answer from before it:
 * whoever looks something up notes the count first and asks afterwards. (A credential granted anew is not held up:
 * its lookup starts after the revocation.)
 */
export class Revocations {
  readonly #clock: () => number
  /** In order of time, since a mark made again is put at the end. */
  readonly #marks = new Map<string, { count: number; atMs: number }>()
  #count = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  current(): number {
    return this.#count
  }

  markCredential(credentialId: string): void {
    this.#mark(`credential ${credentialId}`)
  }

  markUser(app: string, userId: string): void {
    this.#mark(`user ${userKey(app, userId)}`)
  }

  markApp(app: string): void {
    this.#mark(`app ${app}`)
  }

  markAll(): void {
    this.#mark(EVERYTHING)
  }

  revokedSince(identity: NamedIdentity, count: number): boolean {
    if (count === this.#count) return false
    const { app, userId, credentialId, kind } = identity
    return (
      this.#markedSince(`credential ${credentialId}`, count) ||
      (kind === 'client' && this.#markedSince(`user ${userKey(app, userId)}`, count)) ||
      this.#markedSince(`app ${app}`, count) ||
      this.#markedSince(EVERYTHING, count)
    )
  }

  #mark(key: string): void {
    const atMs = this.#clock()
    this.#marks.delete(key)
    this.#marks.set(key, { count: ++this.#count, atMs })
    for (const [oldest, mark] of this.#marks) {
      if (atMs - mark.atMs < REMEMBERED_MS) break
      this.#marks.delete(oldest)
    }
  }

  #markedSince(key: string, count: number): boolean {
    return (this.#marks.get(key)?.count ?? 0) > count
  }
}
