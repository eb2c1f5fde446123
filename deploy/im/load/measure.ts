import { createHistogram } from 'node:perf_hooks'

export type Quantiles = { count: number; p50Ms: number; p99Ms: number; maxMs: number }

export type Latencies = { record(ms: number): void; quantiles(): Quantiles }

const PER_MS = 1_000

/** In the same few kilobytes however many there are. */
export function createLatencies(): Latencies {
  const histogram = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 })
  const ms = (value: number) => Math.round(value / 10) / 100
  return {
    record: (took) => histogram.record(Math.max(1, Math.round(took * PER_MS))),
    quantiles: () => ({
      count: histogram.count,
      p50Ms: histogram.count === 0 ? 0 : ms(histogram.percentile(50)),
      p99Ms: histogram.count === 0 ? 0 : ms(histogram.percentile(99)),
      maxMs: histogram.count === 0 ? 0 : ms(histogram.max),
    }),
  }
}
