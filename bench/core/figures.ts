export type Row = {
  what: string
  perSecond?: number
  p50Ms?: number
  p95Ms?: number
  /** Processor time of the server, of PostgreSQL where it is the one that works. */
  cpuMs?: number
  longestPauseMs?: number
  /** Heap and buffers, after a collection; and what the process keeps of the machine. */
  usedKb?: number
  residentKb?: number
  /** To the row that the aim names. */
  ratio?: number
  /** The same of processor time, which other work on the machine distorts less. */
  cpuRatio?: number
  aim?: string
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** How long each of so many calls takes. */
export async function timesOf(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startMs = performance.now()
    await call()
    times.push(performance.now() - startMs)
  }
  return times
}

const COLUMNS = [
  ['perSecond', 'per second', 0],
  ['p50Ms', 'p50 ms', 2],
  ['p95Ms', 'p95 ms', 2],
  ['cpuMs', 'CPU ms', 2],
  ['usedKb', 'KB used', 1],
  ['residentKb', 'KB resident', 1],
  ['longestPauseMs', 'longest pause ms', 1],
  ['ratio', 'ratio', 2],
  ['cpuRatio', 'CPU ratio', 2],
] as const

/** Only the columns that some row has. */
export function toTable(title: string, rows: readonly Row[]): string {
  const columns = COLUMNS.filter(([key]) => rows.some((row) => row[key] !== undefined))
  const cells = (row: Row) => columns.map(([key, , digits]) => row[key]?.toFixed(digits) ?? '')
  return [
    `### ${title}`,
    '',
    `| | ${[...columns.map(([, name]) => name), 'aim'].join(' | ')} |`,
    `|---|${columns.map(() => '---:|').join('')}---|`,
    ...rows.map((row) => `| ${[row.what, ...cells(row), row.aim ?? ''].join(' | ')} |`),
  ].join('\n')
}
