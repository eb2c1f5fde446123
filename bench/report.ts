import type { Turns } from './turns.ts'

/** What one stretch of one scenario showed. */
export type Figures = {
  requests: number
  failures: number
  /** Processor time for each, in µs; absent where there is no proxy. */
  cpuUs?: number
  requestsPerSecond?: number
  p50Ms?: number
  p99Ms?: number
  /** Resident memory for each. */
  kilobytes?: number
  /** How often the user store was asked. */
  lookups?: number
}

export type Measurement = Figures & { round: number; scenario: string; rival: string }

export type Result = {
  date: string
  commit: string
  machine: string
  node: string
  /** How busy others kept the machine before the run: processes, over a minute. */
  load: number
  rounds: number
  /** Of each round, for each rival. */
  turns: Turns
  missing: Record<string, string>
  titles: Record<string, string>
  measurements: Measurement[]
}

type Column = { key: keyof Figures; title: string; digits: number; hasRatio?: true }

const COLUMNS: readonly Column[] = [
  { key: 'cpuUs', title: 'CPU µs', digits: 1, hasRatio: true },
  { key: 'kilobytes', title: 'KB', digits: 1, hasRatio: true },
  { key: 'requestsPerSecond', title: 'per second', digits: 0, hasRatio: true },
  { key: 'p50Ms', title: 'p50 ms', digits: 2, hasRatio: true },
  { key: 'p99Ms', title: 'p99 ms', digits: 2, hasRatio: true },
  { key: 'lookups', title: 'store reads', digits: 0 },
]

/** Where and when it was measured. */
export function heading({ date, commit, machine, node, rounds, turns, load }: Result): string {
  const when = date.slice(0, 16).replace('T', ' ')
  return `${when} UTC, commit ${commit}, ${machine}, Node ${node}; ${rounds} rounds of ${turns.count} × ${turns.ms} ms; load before the run ${load.toFixed(1)}.`
}

/** A table per scenario: medians over the rounds, and each rival's cost as a multiple of the reference's. */
export function toMarkdown(result: Result, yardsticks: readonly string[]): string {
  const parts = Object.entries(result.titles).map(([scenario, title]) => {
    const own = result.measurements.filter((measurement) => measurement.scenario === scenario)
    const reference = yardsticks.find((name) => own.some(({ rival }) => rival === name)) ?? own[0]?.rival
    return reference === undefined ? [] : [`### ${title} (\`${scenario}\`)\n\n${table(own, reference)}`]
  })
  const missing = Object.entries(result.missing).map(([rival, why]) => `- ${rival} is missing: ${why}`)
  return [...parts.flat(), ...(missing.length > 0 ? [missing.join('\n')] : [])].join('\n\n')
}

function table(measurements: readonly Measurement[], reference: string): string {
  const columns = COLUMNS.filter(({ key }) =>
    measurements.some((measurement) => measurement[key] !== undefined),
  )
  const titles = columns.flatMap(({ title, hasRatio }) => (hasRatio ? [title, `× ${reference}`] : [title]))
  const lines = [`| | ${titles.join(' | ')} |`, `|---|${titles.map(() => '--:|').join('')}`]
  for (const rival of new Set(measurements.map((measurement) => measurement.rival))) {
    const own = measurements.filter((measurement) => measurement.rival === rival)
    const cells = columns.flatMap(({ key, digits, hasRatio }) => {
      const values = own.flatMap((measurement) => measurement[key] ?? [])
      const middle = values.length === 0 ? '–' : median(values).toFixed(digits)
      return hasRatio ? [middle, ratioText(ratios(measurements, key, rival, reference))] : [middle]
    })
    lines.push(`| ${[rival, ...cells].join(' | ')} |`)
  }
  return lines.join('\n')
}

/** Round by round: a slow moment of the machine hits both of a round, and cancels out. */
export function ratios(
  measurements: readonly Measurement[],
  key: keyof Figures,
  rival: string,
  reference: string,
): number[] {
  const of = (name: string, round: number) =>
    measurements.find((measurement) => measurement.rival === name && measurement.round === round)?.[key]
  const rounds = [...new Set(measurements.map(({ round }) => round))]
  return rounds.flatMap((round) => {
    const [value, base] = [of(rival, round), of(reference, round)]
    return value !== undefined && base ? [value / base] : []
  })
}

const ratioText = (values: readonly number[]): string =>
  values.length === 0
    ? '–'
    : `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
