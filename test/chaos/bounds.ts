/** How long after the answer to a revocation its credential may still pass, by what was broken meanwhile. */
import type { Revocation } from './history.ts'

/** From when something was broken until messages were taken again. */
export type Away = { fromMs: number; untilMs: number }

/** While nothing is broken. It takes a fraction of a second; the rest is for a machine that has other things to do. */
const QUIET_MS = 5_000
/** After something was: until a gateway that was cut off has followed the feed again. */
const GRACE_MS = 10_000
/** Thirty seconds after its feed last answered a gateway believes nothing that it remembers; the rest is for what was asked. */
const MOST_REQUEST_MS = 40_000

/** @param aways In the order in which they began. */
export function boundsOf(
  answeredAtMs: number,
  aways: readonly Away[],
): Pick<Revocation, 'requestMs' | 'socketMs'> {
  let endMs = answeredAtMs + QUIET_MS
  for (const { fromMs, untilMs } of aways) if (fromMs < endMs) endMs = Math.max(endMs, untilMs + GRACE_MS)
  // What was on its way to a socket before something broke arrives when that is mended.
  const socketMs = endMs - answeredAtMs
  return { requestMs: Math.min(MOST_REQUEST_MS, socketMs), socketMs }
}
