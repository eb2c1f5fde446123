import { type Figures, median, type Result } from './report.ts'

const BAR_HEIGHT = 18
const LABEL_WIDTH = 220
const BAR_WIDTH = 420
const GAP = 40

type Panel = { scenario: string; key: 'cpuUs' | 'p50Ms' | 'p99Ms'; title: string }

const PANELS: readonly Panel[] = [
  { scenario: 'get-64', key: 'cpuUs', title: 'CPU per GET, µs' },
  { scenario: 'post-64', key: 'cpuUs', title: 'CPU per POST, µs' },
  { scenario: 'paced', key: 'p50Ms', title: 'p50 at 2 000/s, ms' },
  { scenario: 'paced', key: 'p99Ms', title: 'p99 at 2 000/s, ms' },
]

/** Bars of cost and latency, as far as they were measured. */
export function toSvg(result: Result): string {
  let top = 30
  const parts: string[] = []
  for (const panel of PANELS) {
    const bars = barsOf(result, panel)
    if (bars.length === 0) continue
    const most = Math.max(...bars.map(({ value }) => value))
    parts.push(`<text x="10" y="${top}" font-weight="bold">${panel.title}</text>`)
    for (const [index, { rival, value }] of bars.entries()) {
      const y = top + 10 + index * (BAR_HEIGHT + 4)
      const width = Math.max(1, Math.round((value / most) * BAR_WIDTH))
      const color = rival === 'gateway' ? '#c0392b' : '#7f8c8d'
      parts.push(
        `<text x="${LABEL_WIDTH}" y="${y + 13}" text-anchor="end">${escaped(rival)}</text>`,
        `<rect x="${LABEL_WIDTH + 10}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${color}"/>`,
        `<text x="${LABEL_WIDTH + 16 + width}" y="${y + 13}">${value.toFixed(panel.key === 'cpuUs' ? 1 : 2)}</text>`,
      )
    }
    top += bars.length * (BAR_HEIGHT + 4) + GAP
  }
  const width = LABEL_WIDTH + BAR_WIDTH + 90
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>${parts.join('')}</svg>\n`
}

function barsOf({ measurements }: Result, { scenario, key }: Panel): { rival: string; value: number }[] {
  const own = measurements.filter((measurement) => measurement.scenario === scenario)
  return [...new Set(own.map(({ rival }) => rival))]
    .flatMap((rival) => {
      const values = own.filter((one) => one.rival === rival).flatMap((one: Figures) => one[key] ?? [])
      return values.length === 0 ? [] : [{ rival, value: median(values) }]
    })
    .toSorted((a, b) => a.value - b.value)
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
