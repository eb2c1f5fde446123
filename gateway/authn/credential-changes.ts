import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { CredentialChange, CredentialChanges } from '#contract/internal.ts'
import type { Observe } from './authn-event.ts'

/**
 * - `current`: a long poll stands, and nothing was left to catch up with when it began.
 * - `behind`: contact was lost, at most `staleAfterMs` ago.
 * - `stale`: for longer; what is cached cannot be believed any more.
 */
export type FeedState = 'current' | 'behind' | 'stale'

export type FeedFollower = {
  /** How far changes have been applied; undefined until the core was first reached. */
  position(): number | undefined
  state(): FeedState
  /** Since it was last known to be current; 0 while it is. */
  behindMs(): number
  /** Resolves once every change up to `position` is applied; false if that takes too long, or on close. */
  reached(position: number, timeoutMs: number): Promise<boolean>
  /** Told after the cache has been evicted, so whoever asks from within a listener gets the new answer. */
  onChange(listener: (change: CredentialChange) => void): () => void
  /** The feed could not be continued: anything may have changed. */
  onReset(listener: () => void): () => void
  close(): Promise<void>
}

export type FeedLimits = {
  waitMs: number
  /** A poll without an answer this long after its wait is cut: the connection hangs. */
  graceMs: number
  staleAfterMs: number
  retryMs: number
  maxRetryMs: number
}

/** The wait is short, so that a connection that hangs is noticed well before the cache turns stale. */
export const DEFAULT_FEED_LIMITS: FeedLimits = {
  waitMs: 5_000,
  graceMs: 5_000,
  staleAfterMs: 30_000,
  retryMs: 100,
  maxRetryMs: 2_000,
}

type Parts = {
  /** The core's position now. */
  currentPosition: () => Promise<number>
  changesAfter: (position: number, waitMs: number, signal: AbortSignal) => Promise<CredentialChanges>
  /** Where changes take effect, before anybody is told of them. */
  ledger: { apply(change: CredentialChange): void; reset(position: number): void }
  clock: () => number
  log: Logger
  observe: Observe
  limits?: FeedLimits | undefined
}

type Waiter = { position: number; settle: (reached: boolean) => void }

export function createFeedFollower(parts: Parts): FeedFollower {
  const { ledger, clock, log, observe } = parts
  const limits = parts.limits ?? DEFAULT_FEED_LIMITS
  const closing = new AbortController()
  const changeListeners = new Set<(change: CredentialChange) => void>()
  const resetListeners = new Set<() => void>()
  const waiters = new Set<Waiter>()
  let position: number | undefined
  let current = false
  let currentAtMs = clock()
  let cutPoll = () => {}
  const following = follow()

  async function follow(): Promise<void> {
    let failures = 0
    while (!closing.signal.aborted) {
      try {
        await catchUp()
        log.info({ event: 'feed-current', position }, 'follows the credential feed')
        failures = 0
        while (!closing.signal.aborted) await poll(limits.waitMs)
      } catch (error) {
        if (closing.signal.aborted) return
        current = false
        observe('feed-failed')
        if (failures === 0)
          log.warn({ event: 'feed-failed', err: error }, 'cannot follow the credential feed')
        const pauseMs = Math.min(limits.maxRetryMs, limits.retryMs * 2 ** Math.min(failures, 10))
        failures += 1
        await pause(pauseMs * (0.5 + Math.random() / 2))
      }
    }
  }

  const pause = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: closing.signal }).catch(() => {})

  /**
   * At the start nothing is cached, so there is nothing to catch up with; after a gap, everything missed. The
   * feed itself must have answered before it counts as current, not only the core.
   */
  async function catchUp(): Promise<void> {
    const target = await parts.currentPosition()
    // A core that is behind us was restored from a backup: its positions mean other changes now.
    if (position === undefined || target < position) startFrom(target)
    await poll(0)
    while (position !== undefined && position < target && !closing.signal.aborted) await poll(limits.waitMs)
    current = true
    currentAtMs = clock()
  }

  async function poll(waitMs: number): Promise<void> {
    const after = position ?? 0
    const cut = new AbortController()
    const hang = () => cut.abort(new Error('no answer from the credential feed'))
    const timer = setTimeout(hang, waitMs + limits.graceMs)
    cutPoll = () => cut.abort()
    try {
      const answer = await parts.changesAfter(after, waitMs, cut.signal)
      if (closing.signal.aborted) return
      if (answer.reset || !continues(answer, after)) startFrom(answer.position)
      else applyAll(answer)
      if (current) currentAtMs = clock()
    } finally {
      clearTimeout(timer)
    }
  }

  function applyAll({ changes, position: reached }: CredentialChanges): void {
    for (const change of changes) ledger.apply(change)
    position = reached
    if (changes.length > 0) observe('feed-changes')
    for (const change of changes) tell(changeListeners, change)
    settleWaiters()
  }

  function startFrom(start: number): void {
    ledger.reset(start)
    const first = position === undefined
    position = start
    if (!first) {
      observe('feed-reset')
      log.warn(
        { event: 'feed-reset', position },
        'the credential feed cannot be continued, the cache is flushed',
      )
      tell(resetListeners, undefined)
    }
    settleWaiters()
  }

  function tell<T>(listeners: ReadonlySet<(told: T) => void>, told: T): void {
    for (const listener of listeners) {
      try {
        listener(told)
      } catch (error) {
        log.error({ event: 'feed-listener-failed', err: error }, 'a listener of the credential feed failed')
      }
    }
  }

  function settleWaiters(): void {
    for (const waiter of waiters)
      if (position !== undefined && position >= waiter.position) waiter.settle(true)
  }

  return {
    position: () => position,

    state() {
      if (current) return 'current'
      return clock() - currentAtMs <= limits.staleAfterMs ? 'behind' : 'stale'
    },

    behindMs: () => (current ? 0 : Math.max(0, clock() - currentAtMs)),

    reached(target, timeoutMs) {
      if (position !== undefined && position >= target) return Promise.resolve(true)
      if (closing.signal.aborted) return Promise.resolve(false)
      return new Promise((resolve) => {
        const timer = setTimeout(() => waiter.settle(false), timeoutMs)
        const waiter: Waiter = {
          position: target,
          settle(reached) {
            clearTimeout(timer)
            waiters.delete(waiter)
            resolve(reached)
          },
        }
        waiters.add(waiter)
      })
    },

    onChange(listener) {
      changeListeners.add(listener)
      return () => changeListeners.delete(listener)
    },

    onReset(listener) {
      resetListeners.add(listener)
      return () => resetListeners.delete(listener)
    },

    async close() {
      closing.abort()
      cutPoll()
      for (const waiter of waiters) waiter.settle(false)
      await following
    },
  }
}

/** Positions are dense: a hole is a change that we would never hear of. */
function continues({ changes, position }: CredentialChanges, after: number): boolean {
  return (
    changes.every((change, i) => change.position === after + 1 + i) && position === after + changes.length
  )
}
