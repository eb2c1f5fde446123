import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { ERROR_CODES } from '../../gateway/errors.ts'
import { startStack } from '../support/stack.ts'

const FOLDER = new URL('../../deploy/observability/', import.meta.url)
const read = (name: string): Promise<string> => readFile(new URL(name, FOLDER), 'utf8')

type Rule = {
  alert: string
  expr: string
  for?: string
  labels: { severity: string }
  annotations: { summary: string; runbook_url: string }
}
type Panel = {
  title: string
  type: string
  gridPos: Record<'h' | 'w' | 'x' | 'y', number>
  targets?: { expr: string }[]
}
type Dashboard = { panels: Panel[]; templating: { list: { query: string | { query: string } }[] } }

const rules = (parse(await read('alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  ({ rules }) => rules,
)
const dashboard: Dashboard = JSON.parse(await read('dashboard.json'))
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
]

const WORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'offset', 'bool', 'on', 'ignoring'])
/** What Prometheus itself adds when it scrapes. */
const OF_THE_SCRAPE = { metrics: ['up'], labels: ['job', 'instance'] }

/** The metrics and labels that an expression speaks of; a small reader that knows what our expressions use. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const labels: string[] = []
  const plain = expression
    .replace(/\{([^}]*)\}/g, (_, matchers: string) => {
      labels.push(...[...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? ''))
      return ' '
    })
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(?:by|without)\s*\(([^)]*)\)/g, (_, named: string) => {
      labels.push(...named.split(',').map((name) => name.trim()))
      return ' '
    })
  const metrics = [...plain.matchAll(/(?<![\w.])([a-z_]\w*)(?!\w*\s*\()/g)].map((match) => match[1] ?? '')
  return { metrics: metrics.filter((name) => !WORDS.has(name)), labels }
}

t.test('the expressions are read', (t) => {
  t.same(namesIn('sum by (le, code) (rate(a_total{job="x",code=~"5.."}[5m])) / time() > 14 * 86400'), {
    metrics: ['a_total'],
    labels: ['job', 'code', 'le', 'code'],
  })
  t.ok(expressions.length > 30)
  t.end()
})

t.test('every metric and label is there on a running gateway and core', async (t) => {
  const stack = await startStack(t)
  const pages = [...stack.gateways, ...stack.cores].map(async ({ adminUrl }) =>
    (await fetch(`${adminUrl}/metrics`)).text(),
  )
  const text = (await Promise.all(pages)).join('\n')
  const metrics = new Set(OF_THE_SCRAPE.metrics)
  const labels = new Set(OF_THE_SCRAPE.labels)
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    metrics.add(name)
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) metrics.add(`${name}_${part}`)
  }
  for (const [, names = ''] of text.matchAll(/^\w+\{([^}]*)\}/gm))
    for (const [, name = ''] of names.matchAll(/(\w+)=/g)) labels.add(name)
  // Counted when they happen for the first time.
  for (const name of ['code', 'event', 'reason', 'kind', 'outcome', 'status']) labels.add(name)
  for (const expression of expressions) {
    const used = namesIn(expression)
    t.ok(used.metrics.length > 0, expression)
    for (const name of used.metrics) t.ok(metrics.has(name), `${name} in ${expression}`)
    for (const name of used.labels) t.ok(labels.has(name), `label ${name} in ${expression}`)
  }
  for (const { query } of dashboard.templating.list) {
    const [, name] = /label_values\((\w+),/.exec(typeof query === 'string' ? query : query.query) ?? []
    if (name !== undefined) t.ok(metrics.has(name), name)
  }
})

t.test('codes that alerts look for are codes of the gateway', (t) => {
  for (const { expr } of rules)
    for (const [, codes = ''] of expr.matchAll(/code=~?"([^"]+)"/g))
      for (const code of codes.split('|'))
        t.ok(
          ERROR_CODES.some((known) => known === code),
          code,
        )
  t.end()
})

t.test('each alert has a page in the runbook, and each page an alert', async (t) => {
  const runbook = await readFile(new URL('../../docs/runbook.md', FOLDER), 'utf8')
  const pages = [...runbook.matchAll(/^## (\w+)$/gm)].map((match) => match[1])
  t.same([...pages].sort(), rules.map(({ alert }) => alert).sort())
  for (const { alert, labels, annotations } of rules) {
    t.equal(annotations.runbook_url, `docs/runbook.md#${alert.toLowerCase()}`)
    t.match(labels.severity, /^(page|ticket)$/)
    t.ok(annotations.summary)
  }
})

t.test('the dashboard’s panels stand side by side and not upon each other', (t) => {
  const taken = new Set<string>()
  for (const { title, gridPos } of dashboard.panels) {
    t.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (taken.has(`${x} ${y}`)) t.fail(`${title} lies upon another at ${x} ${y}`)
        taken.add(`${x} ${y}`)
      }
  }
  t.end()
})

t.test('Prometheus’ own tool has nothing to say to the alerts, nor to what the dashboard asks', async (t) => {
  const check = (kind: string, file: string) => promisify(execFile)('promtool', ['check', kind, file])
  const asRules = (expressions: readonly string[]): string => {
    const rules = expressions.map((expr, index) => ({ record: `panel_${index}`, expr }))
    return `${t.testdir({ 'rules.yml': stringify({ groups: [{ name: 'panels', rules }] }) })}/rules.yml`
  }
  await t.resolves(check('config', fileURLToPath(new URL('prometheus.yml', FOLDER))))
  await t.resolves(check('rules', asRules(expressions)))
  await t.rejects(check('rules', asRules(['rate(up)'])), { message: /expected type range vector/ })
})
