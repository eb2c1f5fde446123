/** In milliseconds. */
export type Latency = { p50: number; p99: number }

/** A histogram's, cumulative, in rising order; the last `le` is infinite. */
export type Bucket = { le: number; count: number }

/** Quantiles of what came between two looks at a histogram. */
export function createLatency(): { since(buckets: readonly Bucket[]): Latency | null } {
  let before: readonly Bucket[] = []
  return {
    since(buckets) {
      const added = buckets.map(({ le, count }, index) => ({
        le,
        count: count - (before[index]?.count ?? 0),
      }))
      const isFirst = before.length === 0
      before = buckets
      const total = added.at(-1)?.count ?? 0
      if (isFirst || total <= 0) return null
      return { p50: quantile(added, total / 2) * 1_000, p99: quantile(added, total * 0.99) * 1_000 }
    },
  }
}

/** As Prometheus does it: evenly spread inside a bucket; beyond the last bound, that bound. */
function quantile(buckets: readonly Bucket[], rank: number): number {
  let lower = { le: 0, count: 0 }
  for (const bucket of buckets) {
    if (bucket.count >= rank) {
      if (bucket.le === Number.POSITIVE_INFINITY) return lower.le
      const within = bucket.count - lower.count
      return lower.le + (bucket.le - lower.le) * (within === 0 ? 1 : (rank - lower.count) / within)
    }
    lower = bucket
  }
  return lower.le
}
