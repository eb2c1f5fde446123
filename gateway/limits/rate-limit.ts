import { TwoAges } from '../two-ages.ts'

/**
 * So many takes in any minute, by key. Two counters a key: what was taken in the window that began with its first
 * take, and in the one before, of which the part still counts that is less than a minute ago, as if spread evenly.
 */
export type RateLimit = {
  /**
   * Takes one, and answers 0; or takes nothing, and answers in how many milliseconds it may be tried again.
   * @param keeper of this limit and key and no other: spares looking it up each time
   */
  take(key: string, keeper?: WindowKeeper): number
  /** The same answer, without taking. */
  waitOf(key: string): number
  /** Counts takes that happened elsewhere, or whose outcome was only known later; never refused. */
  charge(key: string, takes: number): void
  /** Takes not yet told, of keys where they amount to something; each is told once. */
  untold(): Map<string, number>
  perMinute: number
  readonly size: number
}

type Window = {
  startMs: number
  previous: number
  current: number
  untold: number
  /** The memory's, when it was last looked up there. */
  age: number
}

export type WindowKeeper = {
  /** Kept by the rate limit: believed as long as the memory's `age` is that of the window. */
  rateWindow?: Window | undefined
}

const WINDOW_MS = 60_000
/** Up to this part of a minute's takes is kept to oneself: what others do not know of stays small. */
const TOLD_FROM = 1 / 50

export type RateLimitParts = {
  perMinute: number
  clock: () => number
  /** The least recently used are forgotten first; whoever floods with new keys only forgets his own kind's. */
  maxKeys?: number
  /** Whether somebody asks for what is untold. */
  isShared?: boolean
}

export function createRateLimit(parts: RateLimitParts): RateLimit {
  const { clock, maxKeys = 50_000, isShared = false } = parts
  const windows = new TwoAges<string, Window>(maxKeys)
  const telling = new Map<string, Window>()
  let { perMinute } = parts

  function find(key: string, nowMs: number): Window {
    let window = windows.get(key)
    if (window === undefined) {
      window = { startMs: nowMs, previous: 0, current: 0, untold: 0, age: 0 }
      windows.set(key, window)
    }
    window.age = windows.age
    return window
  }

  function windowOf(key: string, nowMs: number, keeper?: WindowKeeper): Window {
    const kept = keeper?.rateWindow
    const window = kept !== undefined && kept.age === windows.age ? kept : find(key, nowMs)
    if (keeper !== undefined && window !== kept) keeper.rateWindow = window
    const ageMs = nowMs - window.startMs
    if (ageMs >= WINDOW_MS || ageMs < 0) {
      const isNext = ageMs >= 0 && ageMs < 2 * WINDOW_MS
      window.previous = isNext ? window.current : 0
      window.startMs = isNext ? window.startMs + WINDOW_MS : nowMs
      window.current = 0
      if (!isNext) window.untold = 0
    }
    return window
  }

  function waitIn({ startMs, previous, current }: Window, nowMs: number): number {
    const elapsedMs = nowMs - startMs
    if (current + previous * (1 - elapsedMs / WINDOW_MS) < perMinute) return 0
    if (current < perMinute) return waitFor(previous, perMinute - current) - elapsedMs
    // Not in this window any more; in the next one, what is current now has to fade.
    return WINDOW_MS - elapsedMs + waitFor(current, perMinute)
  }

  return {
    take(key, keeper) {
      const nowMs = clock()
      const window = windowOf(key, nowMs, keeper)
      const waitMs = waitIn(window, nowMs)
      if (waitMs > 0) return waitMs
      window.current++
      if (isShared && ++window.untold >= perMinute * TOLD_FROM) telling.set(key, window)
      return 0
    },
    waitOf(key) {
      const nowMs = clock()
      return windows.has(key) ? waitIn(windowOf(key, nowMs), nowMs) : 0
    },
    charge(key, takes) {
      windowOf(key, clock()).current += takes
    },
    untold() {
      const told = new Map<string, number>()
      for (const [key, window] of telling) {
        if (window.untold > 0) told.set(key, window.untold)
        window.untold = 0
      }
      telling.clear()
      return told
    },
    get perMinute() {
      return perMinute
    },
    set perMinute(next) {
      perMinute = next
    },
    get size() {
      return windows.size
    },
  }
}

/** From the beginning of a window, until of what was taken before it less than `room` still counts. */
const waitFor = (taken: number, room: number): number =>
  taken < room ? 1 : Math.floor(WINDOW_MS * (1 - room / taken)) + 1
