import type { Histogram, Registry } from 'prom-client'

/** Counts durations, in seconds. */
export type Durations = { observe(seconds: number): void }

/**
 * A histogram without labels. prom-client's own looks its labels up with each value; this one only adds, and the
 * registry takes whatever has a name and tells its values (registry.js, `getMetricsAsString`).
 */
export function createDurations(
  registry: Registry,
  { name, help, bucketsS }: { name: string; help: string; bucketsS: readonly number[] },
): Durations {
  /** The last is for what is longer than all of them. */
  const counts = new Float64Array(bucketsS.length + 1)
  let sum = 0

  async function get() {
    let count = 0
    const values = [...bucketsS, '+Inf'].map((le, i) => {
      count += counts[i] ?? 0
      return { metricName: `${name}_bucket`, labels: { le }, value: count }
    })
    values.push({ metricName: `${name}_sum`, labels: {} as { le: number }, value: sum })
    values.push({ metricName: `${name}_count`, labels: {} as { le: number }, value: count })
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }

  registry.registerMetric({ name, help, get } as unknown as Histogram)
  return {
    observe(seconds) {
      let i = 0
      while (i < bucketsS.length && seconds > (bucketsS[i] as number)) i++
      counts[i]!++
      sum += seconds
    },
  }
}
