import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Scope } from '../test/support/child-process.ts'
import { checkRival } from './check.ts'
import { type BenchCredentials, startCredentials } from './credentials.ts'
import { startNode } from './node-process.ts'
import { installFor } from './packages.ts'
import { toSvg } from './plot.ts'
import { type Measurement, type Result, toMarkdown } from './report.ts'
import { startResponder } from './responder.ts'
import type { Rival, Running, Setting } from './rival.ts'
import { bytePipe } from './rivals/byte-pipe.ts'
import { caddyForwardAuth } from './rivals/caddy-forward-auth.ts'
import { direct } from './rivals/direct.ts'
import { fastGateway } from './rivals/fast-gateway.ts'
import { bareFastifyHttpProxy, fastifyHttpProxy } from './rivals/fastify-http-proxy.ts'
import { gateway, gatewayByNode, gatewayOf, smallGateway } from './rivals/gateway.ts'
import { haproxyLua } from './rivals/haproxy-lua.ts'
import { nginx } from './rivals/nginx.ts'
import { nginxAuthRequest, nginxAuthRequestCached } from './rivals/nginx-auth-request.ts'
import { nginxLua } from './rivals/nginx-lua.ts'
import { type Scenario, scenariosOf } from './scenarios.ts'

// What a request costs on its way through the gateway, beside other ways. All of them run together, on one
// processor, and take turns; load and upstream have the other processor. The figure to trust is processor time per
// request, round by round against another of the same run: it depends least on what else the machine does.

const RIVALS: readonly Rival[] = [
  gateway,
  gatewayByNode,
  smallGateway,
  nginxLua,
  nginx,
  nginxAuthRequest,
  nginxAuthRequestCached,
  haproxyLua,
  caddyForwardAuth,
  fastifyHttpProxy,
  bareFastifyHttpProxy,
  fastGateway,
  bytePipe,
  direct,
]

const { values } = parseArgs({
  options: {
    /** Scenarios by name, comma separated; default: all. */
    only: { type: 'string' },
    /** Rivals by a part of their names, separated by `;`; default: all. */
    rivals: { type: 'string' },
    /** Another directory with the project in another state, measured beside it. */
    also: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    /** Before anything counts, for each rival: a compiler that works while it runs takes thousands of requests. */
    warmup: { type: 'string', default: '12' },
    tunnels: { type: 'string', default: '10000' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
    /** Of the written files; default: the date. */
    name: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)

const PROXY_CPU = ['taskset', '-c', '0']
const LOAD_CPU = ['taskset', '-c', '1']
const TOKENS = 1_000

const ends: (() => unknown)[] = []
const scope: Scope = { teardown: (end) => ends.push(end) }

async function main(): Promise<void> {
  if (cpus().length < 2)
    throw new Error('the comparison needs two processors: one for the proxies, one for the rest')
  // The user store lives here.
  execFileSync('taskset', ['-a', '-cp', '1', String(process.pid)])
  const scenarios = chosenScenarios()
  const others = values.also === undefined ? [] : [gatewayOf(values.also, 'gateway, other state')]
  const chosen = [...RIVALS.filter(({ name }) => isChosen(name, values.rivals)), ...others]
  const reasons = installFor(chosen)
  const missing = Object.fromEntries([...reasons].map(([{ name }, why]) => [name, why]))
  const rivals = chosen.filter((rival) => !reasons.has(rival))

  const credentials = await startCredentials(scope, TOKENS)
  const common = {
    coreInternalUrl: credentials.core.url,
    redisUrl: credentials.redisUrl,
    keys: credentials.keys,
    identityKeys: `bench:${randomBytes(32).toString('base64url')}`,
    pinned: PROXY_CPU,
  }
  const isTalkative = scenarios.some(({ ability }) => ability !== 'requests')
  const responder = await startResponder(scope, LOAD_CPU)
  const requests: Setting = { ...common, upstreamUrl: responder }
  const settings = { requests, tunnels: requests }
  if (isTalkative) {
    const echo = await startNode('echo-upstream.ts', { ...settings.requests, pinned: LOAD_CPU })
    scope.teardown(() => echo.stop())
    settings.tunnels = { ...common, upstreamUrl: echo.url }
  }
  for (const rival of [...rivals]) {
    if (!rival.authenticates) continue
    try {
      await checkRival(scope, rival, settings.requests, credentials.tokens(1)[0]!)
      console.error(`${rival.name} does the work`)
    } catch (error) {
      console.error(error)
      missing[rival.name] = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      rivals.splice(rivals.indexOf(rival), 1)
    }
  }

  const measurements = await measure(scenarios, rivals, settings, credentials)
  const result: Result = {
    date: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    machine: `${cpus().length} × ${cpus()[0]?.model}`,
    node: process.version,
    rounds,
    seconds,
    missing,
    titles: Object.fromEntries(scenarios.map(({ name, title }) => [name, title])),
    measurements,
  }
  const table = toMarkdown(result, nginxLua.name)
  console.log(table)
  await mkdir(values.results, { recursive: true })
  const file = join(values.results, values.name ?? result.date.replace(/[:.]/g, '-'))
  await writeFile(`${file}.json`, toJson(result))
  await writeFile(`${file}.md`, `${table}\n`)
  await writeFile(`${file}.svg`, toSvg(result))
  console.error(`written to ${file}.json, .md and .svg`)
}

async function measure(
  scenarios: readonly Scenario[],
  rivals: readonly Rival[],
  settings: Record<'requests' | 'tunnels', Setting>,
  credentials: BenchCredentials,
): Promise<Measurement[]> {
  const running = new Map<string, Running>()
  const settingFor = ({ ability }: Scenario) => (ability === 'requests' ? 'requests' : 'tunnels')
  const takePart = (scenario: Scenario) =>
    rivals.filter(
      ({ abilities, authenticates }) =>
        abilities.includes(scenario.ability) && (authenticates || !scenario.onlyAuthenticating),
    )
  const targetOf = ({ url, pids }: Running, forSeconds: number) => ({
    url,
    pids,
    seconds: forSeconds,
    credentials,
    words: LOAD_CPU,
  })
  for (const scenario of scenarios) {
    if (scenario.isFresh) continue
    for (const rival of takePart(scenario)) {
      const key = `${settingFor(scenario)} ${rival.name}`
      const known = running.get(key)
      const started = known ?? (await rival.start(settings[settingFor(scenario)]))
      if (known === undefined) scope.teardown(() => started.stop())
      running.set(key, started)
      await scenario.run(targetOf(started, known === undefined ? Number(values.warmup) : 1))
    }
  }
  const measurements: Measurement[] = []
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      for (const rival of takePart(scenario)) {
        const held = scenario.isFresh ? undefined : running.get(`${settingFor(scenario)} ${rival.name}`)
        const started = held ?? (await rival.start(settings[settingFor(scenario)]))
        const figures = await scenario.run(targetOf(started, seconds))
        if (held === undefined) await started.stop()
        if (figures.failures > 0)
          console.error(`${rival.name}: ${figures.failures} of ${scenario.name} failed`)
        measurements.push({ round, scenario: scenario.name, rival: rival.name, ...figures })
      }
    }
    console.error(`round ${round + 1} of ${rounds}`)
  }
  return measurements
}

function chosenScenarios(): readonly Scenario[] {
  const all = scenariosOf(Number(values.tunnels))
  const names = values.only?.split(',')
  const unknown = names?.find((name) => !all.some((scenario) => scenario.name === name))
  if (unknown !== undefined)
    throw new Error(`no scenario ${unknown}; there are ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => names?.includes(name) ?? true)
}

const isChosen = (name: string, wanted: string | undefined): boolean =>
  wanted === undefined || wanted.split(';').some((part) => name === part || name.includes(part))

/** Small enough to be kept: figures to three places. */
const toJson = (result: Result): string =>
  `${JSON.stringify(result, (_, value) => (typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value))}\n`

try {
  await main()
} finally {
  for (const end of ends.reverse()) await end()
}
