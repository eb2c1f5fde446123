import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { createCertificate } from '../test/support/certificate.ts'
import type { Scope } from '../test/support/child-process.ts'
import { checkRival } from './check.ts'
import { startCredentials } from './credentials.ts'
import { measure, type Plan } from './measure.ts'
import { startNode } from './node-process.ts'
import { installFor } from './packages.ts'
import { toSvg } from './plot.ts'
import { heading, type Result, toMarkdown } from './report.ts'
import { startResponder } from './responder.ts'
import type { Ability, Setting } from './rival.ts'
import { gatewayOf } from './rivals/gateway.ts'
import { chosenRivals, YARDSTICKS } from './rivals.ts'
import type { Scenario } from './scenario.ts'
import { scenariosOf } from './scenarios.ts'
import { targetsTable } from './targets.ts'

// What a request costs on its way through the gateway, beside other ways. All of them run together, on one
// processor, and take turns; load and upstream have the other processor. The figure to trust is processor time per
// request, round by round against another of the same run: it depends least on what else the machine does.

const { values } = parseArgs({
  options: {
    /** Scenarios by name, comma separated; default: all. */
    only: { type: 'string' },
    /** Rivals by their names or a part of them, separated by `;`; default: all. */
    rivals: { type: 'string' },
    /** Other directories, each with the project in another state, measured beside it. */
    also: { type: 'string', multiple: true, default: [] },
    /** In some minutes, to see whether all of it works and about where it stands. */
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    turns: { type: 'string' },
    tunnels: { type: 'string', default: '10000' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
    /** Of the written files; default: the date. */
    name: { type: 'string' },
    /** A document whose part between two marks is replaced by the figures. */
    document: { type: 'string' },
  },
})
const TURN_MS = 200
const plan: Plan = {
  rounds: Number(values.rounds ?? (values.quick ? 2 : 4)),
  fewerRounds: values.quick ? 1 : 2,
  turns: { count: Number(values.turns ?? (values.quick ? 3 : 8)), ms: TURN_MS },
  warmupCpuMs: values.quick ? 1_500 : 4_000,
}

const PROXY_CPU = ['taskset', '-c', '0']
const LOAD_CPU = ['taskset', '-c', '1']
const TOKENS = 1_000
const FIGURES = /(<!-- figures -->)[\s\S]*?(<!-- \/figures -->)/
/** Each tunnel takes two at the proxy, which has some of its own. */
const OTHER_FILES = 500

const ends: (() => unknown)[] = []
const scope: Scope = { teardown: (end) => ends.push(end) }

async function main(): Promise<void> {
  if (cpus().length < 2)
    throw new Error('the comparison needs two processors: one for the proxies, one for the rest')
  const [load = 0] = loadavg()
  // The user store lives here.
  execFileSync('taskset', ['-a', '-cp', '1', String(process.pid)])
  const scenarios = chosenScenarios()
  const others = values.also.map((root) => gatewayOf(root, `gateway of ${basename(root)}`, { isNear: true }))
  const chosen = [...chosenRivals(values.rivals), ...others]
  const reasons = installFor(chosen)
  const missing = Object.fromEntries([...reasons].map(([{ name }, why]) => [name, why]))
  const rivals = chosen.filter((rival) => !reasons.has(rival))

  const credentials = await startCredentials(scope, TOKENS)
  const requests: Setting = {
    upstreamUrl: await startResponder(scope, LOAD_CPU),
    coreInternalUrl: credentials.core.url,
    redisUrl: credentials.redisUrl,
    keys: credentials.keys,
    identityKeys: `bench:${randomBytes(32).toString('base64url')}`,
    pinned: PROXY_CPU,
  }
  const echo = await startNode('echo-upstream.ts', { ...requests, pinned: LOAD_CPU })
  scope.teardown(() => echo.stop())
  const tunnels = { ...requests, upstreamUrl: echo.url }
  const settings: Record<Ability, Setting> = {
    requests,
    open: requests,
    tunnels,
    idle: tunnels,
    exchange: tunnels,
    tls: { ...requests, tls: await writeCertificate(scope) },
    workers: { ...requests, workers: 2, pinned: ['taskset', '-c', '0,1'] },
  }
  for (const rival of [...rivals]) {
    if (!rival.authenticates) continue
    try {
      await checkRival(scope, rival, requests, credentials.tokens(1)[0]!)
      console.error(`${rival.name} does the work`)
    } catch (error) {
      console.error(error)
      missing[rival.name] = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      rivals.splice(rivals.indexOf(rival), 1)
    }
  }

  const words = LOAD_CPU
  const measurements = await measure(scope, scenarios, rivals, { settings, credentials, plan, words })
  const result: Result = {
    date: new Date().toISOString(),
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim(),
    machine: `${cpus().length} × ${cpus()[0]?.model}`,
    node: process.version,
    load,
    rounds: plan.rounds,
    turns: plan.turns,
    missing,
    titles: Object.fromEntries(scenarios.map(({ name, title }) => [name, title])),
    measurements,
  }
  const figures = `${heading(result)}\n\n${targetsTable(result)}`
  const table = `${figures}\n\n${toMarkdown(result, YARDSTICKS)}`
  console.log(table)
  await mkdir(values.results, { recursive: true })
  const file = join(values.results, values.name ?? result.date.replace(/[:.]/g, '-'))
  if (values.document !== undefined) await fillIn(values.document, figures)
  await writeFile(`${file}.json`, toJson(result))
  await writeFile(`${file}.md`, `${table}\n`)
  await writeFile(`${file}.svg`, toSvg(result))
  console.error(`written to ${file}.json, .md and .svg`)
}

function chosenScenarios(): readonly Scenario[] {
  const openFiles = Number(execFileSync('sh', ['-c', 'ulimit -Hn']))
  const mostTunnels = Number.isNaN(openFiles) ? Number.POSITIVE_INFINITY : (openFiles - OTHER_FILES) / 2
  const all = scenariosOf(Math.min(Number(values.tunnels), mostTunnels))
  const names = values.only?.split(',')
  const unknown = names?.find((name) => !all.some((scenario) => scenario.name === name))
  if (unknown !== undefined)
    throw new Error(`no scenario ${unknown}; there are ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => names?.includes(name) ?? true)
}

async function fillIn(document: string, figures: string): Promise<void> {
  const text = await readFile(document, 'utf8')
  await writeFile(
    document,
    text.replace(FIGURES, (_, begin, end) => `${begin}\n\n${figures}\n\n${end}`),
  )
}

async function writeCertificate(t: Scope): Promise<{ certFile: string; keyFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-bench-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const { cert, key } = createCertificate()
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') }
  await writeFile(files.certFile, cert)
  await writeFile(files.keyFile, key)
  return files
}

/** Small enough to be kept: figures to three places. */
const toJson = (result: Result): string =>
  `${JSON.stringify(result, (_, value) => (typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value))}\n`

try {
  await main()
} finally {
  for (const end of ends.reverse()) await end()
}
