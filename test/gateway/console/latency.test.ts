import t from 'tap'
import { createLatency, type Latency } from '../../../gateway/console/latency.ts'

/** To a microsecond. */
const rounded = (latency: Latency | null) =>
  latency && { p50: Math.round(latency.p50 * 1_000), p99: Math.round(latency.p99 * 1_000) }

const buckets = (...counts: number[]) =>
  counts.map((count, index) => ({ le: [0.01, 0.1, 1, Number.POSITIVE_INFINITY][index] ?? 0, count }))

t.test('quantiles are of what came since the last look', async (t) => {
  const latency = createLatency()
  t.equal(latency.since(buckets(1_000, 1_000, 1_000, 1_000)), null, 'the first look has nothing to compare')
  t.equal(latency.since(buckets(1_000, 1_000, 1_000, 1_000)), null, 'nothing came')
  t.same(
    rounded(latency.since(buckets(1_000, 1_100, 1_100, 1_100))),
    { p50: 55_000, p99: 99_100 },
    'evenly inside a bucket',
  )
  t.same(rounded(latency.since(buckets(1_100, 1_200, 1_200, 1_200))), { p50: 5_000, p99: 9_900 })
})

t.test('beyond the last bound there is only that bound to tell', async (t) => {
  const latency = createLatency()
  latency.since(buckets(0, 0, 0, 0))
  t.same(latency.since(buckets(0, 0, 0, 10)), { p50: 1_000, p99: 1_000 })
})
