/** Whether what was read over time is flat. */
import type { Reading } from './gauge.ts'

export type Verdict = { what: string; flat: boolean; detail: string }

/** The first third is for caches to fill and code to be compiled. */
const WARM_UP_SHARE = 1 / 3
/** Of the median, in an hour. */
const MOST_GROWTH = { heapBytes: 0.05, residentBytes: 0.1 }
/** Beyond those before the churn: pools keep some connections open. */
const SPARE = { descriptors: 40, resources: 40 }
const HOUR_MS = 3_600_000

/** Of readings under churn: memory grows by less than its limit an hour. Needs some minutes to mean anything. */
export function judgeGrowth(readings: readonly Reading[]): Verdict[] {
  const from = Math.floor(readings.length * WARM_UP_SHARE)
  return (['heapBytes', 'residentBytes'] as const).map((what) => {
    const values = readings.slice(from).map((reading) => reading[what])
    const middle = median(values)
    const growth = (slope(readings.slice(from), what) * HOUR_MS) / middle
    const most = MOST_GROWTH[what]
    return {
      what,
      flat: growth < most,
      detail: `${mebibytes(middle)} MiB, ${(100 * growth).toFixed(1)} % an hour (at most ${100 * most} %)`,
    }
  })
}

/** What is open when the churn is over, against what was before it. */
export function judgeRest(before: Reading, after: Reading): Verdict[] {
  return (['descriptors', 'resources'] as const).map((what) => ({
    what,
    flat: after[what] <= before[what] + SPARE[what],
    detail: `${before[what]} before, ${after[what]} after (at most ${SPARE[what]} more)`,
  }))
}

/** The median of the slopes between any two readings (Theil and Sen): single peaks do not bend it. */
function slope(readings: readonly Reading[], what: 'heapBytes' | 'residentBytes'): number {
  const slopes = readings.flatMap((one, index) =>
    readings.slice(index + 1).map((other) => (other[what] - one[what]) / (other.atMs - one.atMs)),
  )
  return slopes.length === 0 ? 0 : median(slopes)
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}

const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1)
