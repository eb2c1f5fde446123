/** @import { Figures } from '../figures.ts' */
import { h } from './element.js'
import { milliseconds, short } from './numbers.js'
import uPlot from './uPlot.esm.js'

/**
 * @typedef {{ label: string, colour: string, read: (figures: Figures) => number | null }} Line
 * @typedef {{ title: string, format: (value: number) => string, lines: Line[], most?: number }} Chart
 */

const percent = (/** @type {number} */ value) => `${value.toFixed(value < 10 && value % 1 !== 0 ? 1 : 0)} %`

/** @type {Chart[]} */
const CHARTS = [
  {
    title: 'Requests per second',
    format: short,
    lines: [
      { label: '2xx', colour: '--good', read: (f) => f.requestsPerS['2xx'] },
      { label: '3xx', colour: '--blue', read: (f) => f.requestsPerS['3xx'] },
      { label: '4xx', colour: '--warn', read: (f) => f.requestsPerS['4xx'] },
      { label: '5xx', colour: '--bad', read: (f) => f.requestsPerS['5xx'] },
    ],
  },
  {
    title: 'Latency',
    format: milliseconds,
    lines: [
      { label: 'p50', colour: '--accent', read: (f) => f.latency?.p50 ?? null },
      { label: 'p99', colour: '--warn', read: (f) => f.latency?.p99 ?? null },
    ],
  },
  {
    title: 'Sockets',
    format: short,
    lines: [
      { label: 'identified', colour: '--good', read: (f) => f.sockets.identified },
      { label: 'anonymous', colour: '--warn', read: (f) => f.sockets.anonymous },
    ],
  },
  {
    title: 'Credentials answered from memory',
    format: percent,
    most: 100,
    lines: [
      { label: 'hits', colour: '--accent', read: (f) => (f.cacheHits === null ? null : f.cacheHits * 100) },
    ],
  },
]

/** Points kept: of the longest time that can be shown. */
const KEPT = 15 * 60
const HEIGHT = 190

const timeOf = (/** @type {number} */ atS) => new Date(atS * 1_000).toLocaleTimeString('en-GB')

/** @param {HTMLElement} place */
export function createCharts(place) {
  /** @type {Figures[]} */
  let history = []
  let minutes = 5
  const canvases = CHARTS.map((chart) => {
    const area = h('div', { role: 'img' })
    place.append(h('section', null, h('h2', null, chart.title), area))
    return { chart, area, plot: draw(chart, area) }
  })

  function show() {
    const last = history.at(-1)
    if (last === undefined) return
    const end = last.atMs / 1_000
    const xs = history.map(({ atMs }) => atMs / 1_000)
    for (const { chart, area, plot } of canvases) {
      plot.setData([xs, ...chart.lines.map(({ read }) => history.map(read))], false)
      const shown = history.filter(({ atMs }) => atMs / 1_000 >= end - minutes * 60)
      const top = Math.max(...shown.flatMap((f) => chart.lines.map(({ read }) => read(f) ?? 0)), 0)
      plot.batch(() => {
        plot.setScale('x', { min: end - minutes * 60, max: end })
        plot.setScale('y', { min: 0, max: chart.most ?? (top === 0 ? 1 : top * 1.1) })
      })
      // Where nobody points at a moment, the last one is told.
      if ((plot.cursor.left ?? -1) < 0) plot.setLegend({ idx: xs.length - 1 })
      area.setAttribute('aria-label', `${chart.title}: ${spoken(chart, last)}`)
    }
  }

  const redraw = () => {
    for (const one of canvases) {
      one.plot.destroy()
      one.plot = draw(one.chart, one.area)
    }
    show()
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw)
  new ResizeObserver(() => {
    for (const { area, plot } of canvases) plot.setSize({ width: area.clientWidth, height: HEIGHT })
  }).observe(place)

  return {
    show,
    /** @param {Figures} figures */
    add(figures) {
      history.push(figures)
      if (history.length > KEPT) history = history.slice(-KEPT)
    },
    /** @param {number} next */
    setMinutes(next) {
      minutes = next
      show()
    },
  }
}

/**
 * @param {Chart} chart
 * @param {HTMLElement} area
 */
function draw(chart, area) {
  const style = getComputedStyle(document.documentElement)
  // A canvas has no `light-dark()`: what the page resolves to is asked of an element.
  const colour = (/** @type {string} */ name) => {
    area.style.color = `var(${name})`
    const resolved = getComputedStyle(area).color
    area.style.color = ''
    return resolved
  }
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    font: `12px ${style.fontFamily}`,
  }
  const value = (/** @type {unknown} */ _plot, /** @type {number | null} */ raw) =>
    raw === null || raw === undefined ? '–' : chart.format(raw)
  return new uPlot(
    {
      width: Math.max(area.clientWidth, 200),
      height: HEIGHT,
      scales: {
        x: { time: true, auto: false },
        y: { auto: false, range: (_u, min, max) => [min ?? 0, max ?? 1] },
      },
      cursor: { y: false },
      legend: { live: true },
      axes: [
        { ...axis, space: 80, size: 32, values: (_plot, ticks) => ticks.map(timeOf) },
        { ...axis, size: 62, values: (_plot, ticks) => ticks.map((tick) => chart.format(tick)) },
      ],
      series: [
        { label: 'at', value: (_plot, at) => (at === null ? '–' : timeOf(at)) },
        ...chart.lines.map((line) => ({
          label: line.label,
          stroke: colour(line.colour),
          width: 2,
          spanGaps: false,
          points: { show: false },
          value,
        })),
      ],
    },
    [[], ...chart.lines.map(() => [])],
    area,
  )
}

/**
 * @param {Chart} chart
 * @param {Figures} figures
 */
const spoken = (chart, figures) =>
  chart.lines
    .map(({ label, read }) => {
      const value = read(figures)
      return `${label} ${value === null ? 'nothing' : chart.format(value)}`
    })
    .join(', ')
