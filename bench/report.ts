import type { LoadFigures } from './load.ts'

export type Measurement = LoadFigures & {
  round: number
  scenario: string
  rival: string
  /** Undefined where there is no proxy. */
  cpuUsPerRequest: number | undefined
}

/** A table per scenario: medians over the rounds, and each rival's cost as a multiple of the reference's. */
export function toMarkdown(measurements: readonly Measurement[], reference: string): string {
  const scenarios = [...new Set(measurements.map(({ scenario }) => scenario))]
  return scenarios
    .map((scenario) =>
      table(
        scenario,
        measurements.filter((measurement) => measurement.scenario === scenario),
        reference,
      ),
    )
    .join('\n\n')
}

function table(scenario: string, measurements: readonly Measurement[], reference: string): string {
  const lines = [
    `### ${scenario}`,
    '',
    `| | CPU µs / request | × ${reference} (spread) | requests/s | p50 ms | p99 ms |`,
    '|---|--:|--:|--:|--:|--:|',
  ]
  const references = measurements.filter(({ rival }) => rival === reference)
  for (const rival of new Set(measurements.map((measurement) => measurement.rival))) {
    const own = measurements.filter((measurement) => measurement.rival === rival)
    const middle = (read: (measurement: Measurement) => number) => median(own.map(read))
    const costs = own.flatMap(({ cpuUsPerRequest }) => cpuUsPerRequest ?? [])
    lines.push(
      `| ${[
        rival,
        costs.length > 0 ? median(costs).toFixed(1) : '–',
        ratios(own, references),
        middle(({ requestsPerSecond }) => requestsPerSecond).toFixed(0),
        middle(({ p50Ms }) => p50Ms).toFixed(1),
        middle(({ p99Ms }) => p99Ms).toFixed(1),
      ].join(' | ')} |`,
    )
  }
  return lines.join('\n')
}

/** Pair by pair: a slow moment of the machine hits both of a round, and cancels out. */
function ratios(own: readonly Measurement[], references: readonly Measurement[]): string {
  const pairs = own.flatMap(({ round, cpuUsPerRequest }) => {
    const base = references.find((reference) => reference.round === round)?.cpuUsPerRequest
    return cpuUsPerRequest !== undefined && base ? [cpuUsPerRequest / base] : []
  })
  if (pairs.length === 0) return '–'
  return `${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)}–${Math.max(...pairs).toFixed(2)})`
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
