import { type Figures, median, type Result, ratios } from './report.ts'

export type Compared = {
  scenario: string
  key: keyof Figures
  before: number
  after: number
  /** As a share: what may well be chance. */
  noise: number
  verdict: 'worse' | 'same' | 'better'
}

/** Whatever the rounds say: two runs of the same thing have differed by so much. */
const MIN_NOISE = 0.15
const GATEWAY = 'gateway'

/** What the gateway costs against the yardstick, then and now. Where that does not take part, nginx is the yardstick. */
export function compare(before: Result, after: Result, yardstick = 'nginx + Lua'): Compared[] {
  return Object.keys(before.titles).flatMap((scenario) =>
    (['cpuUs', 'kilobytes'] as const).flatMap((key) => {
      const [then = [], now = []] = [before, after].map(({ measurements }) => {
        const own = measurements.filter((measurement) => measurement.scenario === scenario)
        const takesPart = own.some(({ rival }) => rival === yardstick)
        return ratios(own, key, GATEWAY, takesPart ? yardstick : 'nginx')
      })
      return then.length === 0 || now.length === 0 ? [] : [judge(scenario, key, then, now)]
    }),
  )
}

function judge(
  scenario: string,
  key: keyof Figures,
  then: readonly number[],
  now: readonly number[],
): Compared {
  const noise = Math.max(MIN_NOISE, spread(then), spread(now))
  const growth = median(now) / median(then) - 1
  const verdict = growth > noise ? 'worse' : growth < -noise ? 'better' : 'same'
  return { scenario, key, before: median(then), after: median(now), noise, verdict }
}

/** Half of the middle half, as a share: what two runs of the same thing may well differ by. */
function spread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? 0
  return (at(0.75) - at(0.25)) / 2 / median(values)
}
