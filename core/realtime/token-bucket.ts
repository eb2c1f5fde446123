/** Whether one more event may pass; `capacity` at once, `perSecond` in the long run. */
export type TokenBucket = { take(): boolean }

export function createTokenBucket(capacity: number, perSecond: number, clock: () => number): TokenBucket {
  let tokens = capacity
  let filledAtMs = clock()
  return {
    take() {
      const nowMs = clock()
      tokens = Math.min(capacity, tokens + (Math.max(0, nowMs - filledAtMs) * perSecond) / 1_000)
      filledAtMs = nowMs
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
