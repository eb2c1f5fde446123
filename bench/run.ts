import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { credentialDigest } from '#contract/credential.ts'
import { parseSigningKeys, signIdentity } from '#contract/signature.ts'
import { type Stack, startStack } from '../test/support/stack.ts'
import { checkRival } from './check.ts'
import { cpuTimeUs } from './cpu-time.ts'
import { chooseLoad, type LoadFigures, type LoadOrder } from './load.ts'
import { type Measurement, toMarkdown } from './report.ts'
import { startResponder } from './responder.ts'
import type { Rival, Running } from './rival.ts'
import { direct } from './rivals/direct.ts'
import { fastifyHttpProxy } from './rivals/fastify-http-proxy.ts'
import { gateway } from './rivals/gateway.ts'

// What a request costs on its way through the gateway, beside other ways. All of them run together, on one
// processor, and take turns; load and upstream have the other processor. The figure to trust is processor time per
// request, round by round against the gateway: it depends least on what else the machine does.

const RIVALS: readonly Rival[] = [direct, gateway, fastifyHttpProxy]

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '2000' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
})
const [rounds, seconds, connections, tokenCount, rate] = [
  values.rounds,
  values.seconds,
  values.connections,
  values.tokens,
  values.rate,
].map(Number) as [number, number, number, number, number]

type Scenario = {
  name: string
  upstream: 'responder' | 'core'
  method: 'GET' | 'POST'
  path: string
  rate?: number
}
const SCENARIOS: readonly Scenario[] = [
  { name: `GET 1 KB, ${connections} connections`, upstream: 'responder', method: 'GET', path: '/rooms' },
  {
    name: `POST 1 KB, ${connections} connections`,
    upstream: 'responder',
    method: 'POST',
    path: '/rooms/x/message',
  },
  { name: `GET 1 KB at ${rate} requests/s`, upstream: 'responder', method: 'GET', path: '/rooms', rate },
  {
    name: `GET /me of the core at ${rate / 10} requests/s`,
    upstream: 'core',
    method: 'GET',
    path: '/me',
    rate: rate / 10,
  },
]

const PROXY_CPU = ['taskset', '-c', '0']
const LOAD_CPU = ['taskset', '-c', '1']
const POST_BODY = JSON.stringify({ messageType: 'text', message: 'x'.repeat(1_024 - 40) })

const ends: (() => unknown)[] = []
const scope = { teardown: (end: () => unknown) => ends.push(end) }

async function main(): Promise<void> {
  if (cpus().length < 2)
    throw new Error('the comparison needs two processors: one for the proxies, one for the rest')
  const stack = await startStack(scope, { gateways: 0, coreWords: LOAD_CPU, coreEnv: { LOG_LEVEL: 'info' } })
  const responder = await startResponder(scope, LOAD_CPU)
  const tokens = Array.from(
    { length: tokenCount },
    (_, index) => `bench-token-${index}-${Math.random().toString(36)}`,
  )
  await seed(stack, tokens)
  console.error(`${tokens.length} users with a token each`)

  const setting = {
    coreInternalUrl: String(stack.cores[0]?.internalUrl),
    keys: stack.keys,
    identityKeys: stack.identityKeys,
    pinned: PROXY_CPU,
  }
  const upstreams = { responder: responder.url, core: String(stack.cores[0]?.url) }
  const running = { responder: new Map<Rival, Running>(), core: new Map<Rival, Running>() }
  for (const rival of RIVALS) {
    if (rival.authenticates)
      await checkRival(scope, rival, { ...setting, upstreamUrl: '' }, tokens[0]!, userIdOf(0))
    for (const upstream of ['responder', 'core'] as const) {
      const started = await rival.start({ ...setting, upstreamUrl: upstreams[upstream] })
      scope.teardown(() => started.stop())
      running[upstream].set(rival, started)
    }
    console.error(`${rival.name} is up`)
  }

  const order = (scenario: Scenario, rival: Rival, forSeconds: number): LoadOrder => ({
    url: running[scenario.upstream].get(rival)?.url ?? '',
    connections,
    seconds: forSeconds,
    ...(scenario.rate && { rate: scenario.rate }),
    requests: tokens.map((token, index) => {
      const { method, path } = scenario
      const headers: Record<string, string> = rival.authenticates
        ? { 'IM-Client-Key': stack.keys.clientKey, 'IM-Authorization': token }
        : { 'IM-Identity': identityOf(stack, index, token) }
      if (method === 'GET') return { method, path, headers }
      return { method, path, headers: { ...headers, 'Content-Type': 'application/json' }, body: POST_BODY }
    }),
  })

  for (const rival of RIVALS) for (const scenario of SCENARIOS) await load(order(scenario, rival, 1))
  const measurements: Measurement[] = []
  for (let round = 0; round < rounds; round++) {
    for (const scenario of SCENARIOS) {
      for (const [rival, started] of running[scenario.upstream]) {
        const before = cpuTimeUs(started.pids)
        const figures = await load(order(scenario, rival, seconds))
        const cpuUs = cpuTimeUs(started.pids) - before
        if (figures.failures > 0) throw new Error(`${rival.name}: ${figures.failures} requests failed`)
        measurements.push({
          round,
          scenario: scenario.name,
          rival: rival.name,
          cpuUsPerRequest: started.pids.length > 0 ? cpuUs / figures.requests : undefined,
          ...figures,
        })
      }
    }
    console.error(`round ${round + 1} of ${rounds}`)
  }

  const table = toMarkdown(measurements, gateway.name)
  console.log(table)
  await mkdir(values.results, { recursive: true })
  const file = join(values.results, `${new Date().toISOString().replace(/[:.]/g, '-')}.json`)
  const machine = { processor: cpus()[0]?.model, processors: cpus().length, node: process.version }
  await writeFile(
    file,
    `${JSON.stringify({ machine, rounds, seconds, connections, measurements }, null, 2)}\n`,
  )
  console.error(`written to ${file}`)
}

/** Binds every token to a user of its own. A gateway that is not measured serves for it. */
async function seed(stack: Stack, tokens: readonly string[]): Promise<void> {
  const through = await stack.addGateway({ LOG_LEVEL: 'info' }, LOAD_CPU)
  const platform = stack.client({ 'IM-API-KEY': stack.keys.platformKey }, through.url)
  const waiting = [...tokens.entries()]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await platform.ok('POST', '/admin/clients', { _id: userIdOf(next[0]), token: next[1] })
  }
  await Promise.all(Array.from({ length: 8 }, work))
  await through.stop()
}

const userIdOf = (index: number): string => `bench-user-${index}`

/** What the gateway would inject: for the way to the core that has no proxy. */
function identityOf({ keys, identityKeys }: Stack, index: number, token: string): string {
  const identity = {
    kind: 'client',
    app: keys.app,
    userId: userIdOf(index),
    deviceId: undefined,
    credentialId: credentialDigest('client-token', keys.app, token),
    expiresAtMs: undefined,
  } as const
  return signIdentity(identity, parseSigningKeys(identityKeys), Date.now())
}

const load = (order: LoadOrder): Promise<LoadFigures> => chooseLoad(order)(order, LOAD_CPU)

try {
  await main()
} finally {
  for (const end of ends.reverse()) await end()
}
