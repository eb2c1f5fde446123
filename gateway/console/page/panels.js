/** @import { Figures } from '../figures.ts' */
import { byId, h } from './element.js'
import { milliseconds, short } from './numbers.js'

/** @typedef {{ text: string, unit?: string, tone?: string }} Shown */

/** @type {Record<string, (figures: Figures) => Shown>} */
const TILES = {
  'Requests per second': ({ requestsPerS }) => ({
    text: short(Object.values(requestsPerS).reduce((sum, rate) => sum + rate, 0)),
  }),
  'Failures (5xx) per second': ({ requestsPerS }) => ({
    text: short(requestsPerS['5xx']),
    tone: requestsPerS['5xx'] > 0 ? 'bad' : '',
  }),
  'Half are faster than': ({ latency }) => ({ text: latency === null ? '–' : milliseconds(latency.p50) }),
  '99 of 100 are faster than': ({ latency }) => ({
    text: latency === null ? '–' : milliseconds(latency.p99),
  }),
  Sockets: ({ sockets }) => ({
    text: short(sockets.identified + sockets.anonymous),
    unit: `${short(sockets.anonymous)} anonymous`,
  }),
  Connections: ({ connections }) => ({ text: short(connections) }),
  'Answered from memory': ({ cacheHits }) => ({
    text: cacheHits === null ? '–' : `${(cacheHits * 100).toFixed(cacheHits === 1 ? 0 : 1)} %`,
  }),
  'Lookups per second': ({ lookupsPerS }) => ({ text: short(lookupsPerS) }),
  'Credentials in memory': ({ cachedCredentials }) => ({ text: short(cachedCredentials) }),
  'Credential feed behind': ({ feedBehindS, feedPosition }) => ({
    text: milliseconds(feedBehindS * 1_000),
    unit: `at ${feedPosition}`,
    tone: feedBehindS > 5 ? 'bad' : '',
  }),
  'Event loop late (p99)': ({ eventLoopLagMs }) => ({
    text: milliseconds(eventLoopLagMs),
    tone: eventLoopLagMs > 100 ? 'bad' : '',
  }),
  Memory: ({ residentBytes }) => ({ text: `${(residentBytes / 1_048_576).toFixed(0)}`, unit: 'MiB' }),
}

const STATE_TONES = new Map([
  ['healthy', 'good'],
  ['ejected', 'bad'],
  ['draining', 'warn'],
])

export function createPanels() {
  const values = new Map(
    Object.keys(TILES).map((name) => {
      const value = h('dd', null, '–')
      byId('tiles').append(h('div', null, h('dt', null, name), value))
      return [name, value]
    }),
  )

  return {
    /** @param {Figures} figures */
    show(figures) {
      for (const [name, read] of Object.entries(TILES)) {
        const { text, unit = '', tone = '' } = read(figures)
        const value = values.get(name)
        if (value === undefined) continue
        value.className = tone
        value.replaceChildren(text, ...(unit === '' ? [] : [' ', h('small', null, unit)]))
      }
      fill(
        byId('upstreams'),
        ['Core', 'State', 'Under way', 'Waiting', 'Connections', 'Sockets', 'Ejections'],
        figures.upstreams.map((core) => [
          core.name,
          h('span', { class: STATE_TONES.get(core.state) ?? 'warn' }, core.state),
          core.outstanding - core.queued,
          core.queued,
          core.connections,
          core.tunnels,
          core.ejections,
        ]),
        2,
        'No core is configured.',
      )
      fill(
        byId('refusals'),
        ['Reason', 'Per second', 'Since start'],
        figures.refusals.map(({ code, perS, total }) => [code, short(perS), total]),
        1,
        'Nobody was refused.',
      )
    },
  }
}

/**
 * @param {HTMLElement} table
 * @param {string[]} names
 * @param {(string | number | Node)[][]} rows
 * @param {number} words the columns that are no numbers
 * @param {string} none
 */
function fill(table, names, rows, words, none) {
  const side = (/** @type {number} */ column) => (column < words ? '' : 'number')
  const head = names.map((name, column) => h('th', { scope: 'col', class: side(column) }, name))
  const body = rows.map((row) =>
    h(
      'tr',
      null,
      ...row.map((cell, column) => {
        const text = typeof cell === 'number' ? cell.toLocaleString('en') : cell
        return column === 0 ? h('th', { scope: 'row' }, text) : h('td', { class: side(column) }, text)
      }),
    ),
  )
  if (rows.length === 0)
    body.push(h('tr', null, h('td', { class: 'nothing', colspan: String(names.length) }, none)))
  table.replaceChildren(h('thead', null, h('tr', null, ...head)), h('tbody', null, ...body))
}
