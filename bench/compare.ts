import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { median, type Result, ratios } from './report.ts'

// `node bench/compare.ts before.json after.json`: what the gateway costs against the yardstick, then and now. Fails
// where it grew by more than noise: beyond 15 %, and beyond what the rounds differ by among themselves.

const MIN_NOISE = 0.15
const GATEWAY = 'gateway'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reference: { type: 'string', default: 'nginx + Lua' } },
})
const [before, after] = positionals.map((file): Result => JSON.parse(readFileSync(file, 'utf8')))
if (before === undefined || after === undefined) throw new Error('two results are needed: before and after')

let isWorse = false
for (const scenario of Object.keys(before.titles)) {
  for (const key of ['cpuUs', 'kilobytes'] as const) {
    const [then, now] = [before, after].map(({ measurements }) => {
      const own = measurements.filter((measurement) => measurement.scenario === scenario)
      const rivals = new Set(own.map(({ rival }) => rival))
      // Where the yardstick does not take part, nginx does.
      return ratios(own, key, GATEWAY, rivals.has(values.reference) ? values.reference : 'nginx')
    })
    if (!then?.length || !now?.length) continue
    const growth = median(now) / median(then) - 1
    const noise = Math.max(MIN_NOISE, spread(then), spread(now))
    const verdict = growth > noise ? 'WORSE' : growth < -noise ? 'better' : 'same'
    isWorse ||= verdict === 'WORSE'
    console.log(
      `${scenario} ${key}: ${median(then).toFixed(2)} → ${median(now).toFixed(2)} (${(growth * 100).toFixed(0)} %, noise ${(noise * 100).toFixed(0)} %) ${verdict}`,
    )
  }
}
process.exitCode = isWorse ? 1 : 0

/** Half of the middle half, as a share: what two runs of the same thing may well differ by. */
function spread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? 0
  return (at(0.75) - at(0.25)) / 2 / median(values)
}
