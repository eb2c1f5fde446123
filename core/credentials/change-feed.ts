/**
 * Follows the credential changes in the database: for gateways' long polls, for this core's own sockets, for the
 * Redis entries. Positions are dense, so a hole is a loss and never passes for silence.
 */
import type { Logger } from 'pino'
import type { CredentialChange, CredentialChanges } from '#contract/internal.ts'
import { CoreError } from '../errors.ts'
import {
  changesAfter,
  currentPosition,
  type FeedChange,
  type KnownChanges,
  pruneChanges,
} from '../store/credential-changes.ts'
import type { Database } from '../store/database.ts'

export type ChangeFeed = {
  /** How far this core has read. */
  position(): number
  /** Told of every change once and in order, after an outage of those that it missed. */
  subscribe(listener: (change: FeedChange) => void): () => void
  /** The changes after a position that are to be had at once; undefined where they cannot be told any more. */
  read(position: number): Promise<KnownChanges>
  /** Look now: something was just committed. */
  nudge(): void
  /**
   * The changes after a position; waits up to `waitMs` for the first.
   * @throws CoreError STORE_UNAVAILABLE, also while waiting: silence would say that nothing has changed
   */
  changesAfter(position: number, waitMs: number, signal?: AbortSignal): Promise<CredentialChanges>
  /** Since the database last answered. */
  behindMs(): number
  close(): Promise<void>
}

export type FeedTiming = {
  pollMs: number
  retryMs: number
  staleMs: number
  pruneEveryMs: number
  keepMs: number
}

export const FEED_TIMING: FeedTiming = {
  pollMs: 75,
  retryMs: 500,
  staleMs: 5_000,
  pruneEveryMs: 600_000,
  keepMs: 86_400_000,
}

/** In memory for long polls; whoever is further behind is answered from the database. */
const RECENT = 4_096
const BATCH = 1_000

type Parts = {
  db: Database
  clock: () => number
  log: Logger
  /** Changes were missed for good (away for longer than they are kept, or the database was restored). */
  onLost: () => void
  timing?: Partial<FeedTiming>
}

type Waiter = (error?: Error) => void

export async function createChangeFeed({ db, clock, log, onLost, ...parts }: Parts): Promise<ChangeFeed> {
  const timing = { ...FEED_TIMING, ...parts.timing }
  const listeners = new Set<(change: FeedChange) => void>()
  const waiters = new Set<Waiter>()
  let recent: FeedChange[] = []
  let position = await currentPosition(db)
  let answeredAtMs = clock()
  let failure: Error | undefined
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let lookAgain = false
  let closed = false

  /** One look at a time; a nudge during one makes it look once more, for it may have read before the commit. */
  function look(): void {
    if (closed) return
    lookAgain = looking !== undefined
    if (lookAgain) return
    clearTimeout(timer)
    looking = read().then(() => {
      looking = undefined
      if (closed) return
      if (lookAgain && failure === undefined) return look()
      timer = setTimeout(look, failure === undefined ? timing.pollMs : timing.retryMs)
      timer.unref()
    })
  }

  async function read(): Promise<void> {
    try {
      for (let more = true; more && !closed; ) {
        const { changes } = await changesAfter(db, position, BATCH)
        if (changes === undefined) return lose()
        take(changes)
        more = changes.length === BATCH
      }
      answeredAtMs = clock()
      if (failure !== undefined)
        log.info({ event: 'feed-resumed', position }, 'the credential changes are read again')
      failure = undefined
    } catch (error) {
      if (closed) return
      if (failure === undefined)
        log.error({ event: 'feed-failed', err: error }, 'the credential changes cannot be read')
      failure = error instanceof Error ? error : new Error(String(error))
      for (const settle of waiters) settle(failure)
    }
  }

  function take(changes: FeedChange[]): void {
    if (changes.length === 0) return
    recent = recent.concat(changes).slice(-RECENT)
    position += changes.length
    for (const change of changes) for (const listener of listeners) tell(listener, change)
    for (const settle of waiters) settle()
  }

  function tell(listener: (change: FeedChange) => void, change: FeedChange): void {
    try {
      listener(change)
    } catch (error) {
      log.error({ event: 'feed-listener-failed', err: error }, 'a listener of the credential changes failed')
    }
  }

  function lose(): void {
    closed = true
    log.fatal({ event: 'feed-lost', position }, 'credential changes were missed for good')
    onLost()
  }

  async function since(after: number): Promise<KnownChanges> {
    const missing = position - after
    if (missing < 0 || missing > recent.length) return changesAfter(db, after, BATCH)
    const start = recent.length - missing
    return { latest: position, changes: recent.slice(start, start + BATCH) }
  }

  function change(after: number, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    // It may have come, and the caller gone, while the first look was under way.
    if (position > after || failure !== undefined || closed || signal?.aborted) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const settle: Waiter = (error) => {
        clearTimeout(wait)
        signal?.removeEventListener('abort', end)
        waiters.delete(settle)
        if (error === undefined) resolve()
        else reject(error)
      }
      const end = () => settle()
      const wait = setTimeout(end, waitMs)
      waiters.add(settle)
      signal?.addEventListener('abort', end)
    })
  }

  function refuseIfBehind(): void {
    const hung = clock() - answeredAtMs > timing.staleMs
    if (failure !== undefined || hung || closed)
      throw new CoreError('STORE_UNAVAILABLE', undefined, { cause: failure })
  }

  const pruning = setInterval(() => {
    pruneChanges(db, timing.keepMs).catch((error: unknown) =>
      log.warn({ event: 'feed-prune-failed', err: error }, 'old credential changes could not be deleted'),
    )
  }, timing.pruneEveryMs)
  pruning.unref()
  look()

  return {
    position: () => position,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    read: since,
    nudge: look,
    async changesAfter(after, waitMs, signal) {
      refuseIfBehind()
      const known = answer(after, await since(after))
      if (known.reset || known.changes.length > 0 || waitMs === 0) return known
      await change(after, waitMs, signal)
      refuseIfBehind()
      return answer(after, await since(after))
    },
    behindMs: () => clock() - answeredAtMs,
    async close() {
      closed = true
      clearTimeout(timer)
      clearInterval(pruning)
      for (const settle of waiters) settle(new CoreError('STORE_UNAVAILABLE'))
      await looking
    },
  }
}

function answer(after: number, { latest, changes }: KnownChanges): CredentialChanges {
  if (changes === undefined) return { position: latest, changes: [], reset: true }
  return { position: after + changes.length, changes: changes.map(withoutKind), reset: false }
}

/** The kind stays within the core. */
function withoutKind(change: FeedChange): CredentialChange {
  if (change.subject !== 'credential') return change
  const { credentialKind: _, ...told } = change
  return told
}
