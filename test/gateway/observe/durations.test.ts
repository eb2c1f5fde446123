import { Histogram, Registry } from 'prom-client'
import t from 'tap'
import { createDurations } from '../../../gateway/observe/durations.ts'

t.test('what is scraped is what prom-client itself would say', async (t) => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const about = { name: 'x_seconds', help: 'How long.' }
  const bucketsS = [0.25, 1, 4]
  const durations = createDurations(ours, { ...about, bucketsS })
  const histogram = new Histogram({ ...about, buckets: bucketsS, registers: [theirs] })
  t.equal(await ours.metrics(), await theirs.metrics(), 'before anything was seen')
  for (const seconds of [0, 0.25, 0.5, 1, 3, 4, 4.5, 1_000]) {
    durations.observe(seconds)
    histogram.observe(seconds)
  }
  t.equal(await ours.metrics(), await theirs.metrics())
  const inJson = async (registry: Registry) =>
    JSON.parse(JSON.stringify(await registry.getMetricsAsJSON(), (_key, value) => value ?? undefined))
  t.same(await inJson(ours), await inJson(theirs))
})
