import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Scope } from '../../test/support/child-process.ts'
import { benchBroadcast } from './broadcast.ts'
import { type Row, toTable } from './figures.ts'
import { benchGrowth } from './growth.ts'
import { benchIdle } from './idle.ts'
import { benchEmbeddedSends, benchSends } from './sends.ts'
import { benchVersions } from './versions.ts'

// What the core does with what PostgreSQL and Socket.IO can do on the same machine in the same minutes. Trust the
// ratios: the other figures are this machine's, and of what else it does.

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    sockets: { type: 'string', default: '5000' },
    /** Ten million messages too: some minutes, and some gigabytes. */
    large: { type: 'boolean', default: false },
    /** A directory with another state of the project, whose core gets the same requests. */
    before: { type: 'string' },
    /** Written as `<out>.json` and `<out>.md`. */
    out: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const sockets = Number(values.sockets)
const sizes = [10_000, 1_000_000, ...(values.large ? [10_000_000] : [])]
const before = values.before === undefined ? undefined : resolve(values.before)

const PARTS: Record<string, [title: string, (scope: Scope) => Promise<Row[]>]> = {
  sends: ['Durable sends', (scope) => benchSends(scope, { rounds, seconds })],
  embedded: ['Sends on the embedded database', (scope) => benchEmbeddedSends(scope, { rounds, seconds })],
  growth: ['Reading, as the tables grow', (scope) => benchGrowth(scope, sizes)],
  broadcast: ['Broadcast', (scope) => benchBroadcast(scope, { sockets, rounds: rounds * 3 })],
  idle: ['Memory of an idle socket', (scope) => benchIdle(scope, { sockets })],
  whole: ['The whole core, over HTTP', (scope) => benchVersions(scope, { before, rounds, seconds })],
}

const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim()
const changed = git('status', '--porcelain', '--', 'core', 'bench/core') === '' ? '' : ' with changes'
const about = {
  date: new Date().toISOString(),
  commit: `${git('rev-parse', '--short', 'HEAD')}${changed}`,
  machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`,
  node: process.version,
  load: loadavg()[0] ?? 0,
  rounds,
  seconds,
}
const heading = `${about.date.slice(0, 16).replace('T', ' ')} UTC, commit ${about.commit}, ${about.machine}, Node ${about.node}; ${rounds} rounds of ${seconds} s; load before the run ${about.load.toFixed(1)}.`
const results: Record<string, Row[]> = {}
const tables: string[] = [heading]

console.log(`${heading}\n`)
for (const [name, [title, measure]] of Object.entries(PARTS)) {
  if (values.only !== undefined && !values.only.split(',').includes(name)) continue
  const undo: (() => unknown)[] = []
  try {
    const rows = await measure({ teardown: (step) => undo.push(step) })
    results[name] = rows
    const table = toTable(title, rows)
    tables.push(table)
    console.log(`${table}\n`)
  } finally {
    for (const step of undo.reverse()) await step()
  }
}
if (values.out !== undefined) {
  await mkdir(dirname(values.out), { recursive: true })
  await writeFile(`${values.out}.json`, `${JSON.stringify({ ...about, results }, null, 2)}\n`)
  await writeFile(`${values.out}.md`, `${tables.join('\n\n')}\n`)
}
