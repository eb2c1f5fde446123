import { setTimeout as delay } from 'node:timers/promises'
import type { BenchCredentials } from './credentials.ts'
import { herd, type LoadFigures, pace, type Request, type SocketOrder, saturate, useSockets } from './load.ts'
import type { Figures } from './report.ts'
import type { Ability } from './rival.ts'
import { usageOf } from './usage.ts'

/** What a scenario is run against. */
export type Target = {
  url: string
  pids: readonly number[]
  seconds: number
  credentials: BenchCredentials
  /** Words before the load's command. */
  words: readonly string[]
  collectGarbage?: (() => Promise<void>) | undefined
}

export type Scenario = {
  name: string
  title: string
  /** Who takes part: those that can, and, where it is about credentials, those that authenticate. */
  ability: Ability
  onlyAuthenticating?: true
  /** Those as well that are there for the whole picture only. */
  isForAll?: true
  /** Each time against a rival that has just been started. */
  isFresh?: true
  /** Slow to prepare, and the same each time: fewer rounds are enough. */
  rounds?: number
  run(target: Target): Promise<Figures>
}

const TOKENS = 1_000
const COLD_TOKENS = 20_000
const HERD = 5_000
const TUNNELS = 100
const SETTLING_MS = 2_000
const IDLE_WARMUP_S = 3
const KILOBYTE = JSON.stringify({ messageType: 'text', message: 'x'.repeat(1_024 - 40) })
const MEGABYTE = 'x'.repeat(1_048_576)
const MESSAGE = `42["message",${JSON.stringify({ roomId: 'room', message: 'x'.repeat(150) })}]`

const headersOf = ({ keys }: BenchCredentials, token: string): Record<string, string> => ({
  'IM-Client-Key': keys.clientKey,
  'IM-Authorization': token,
})

type Shape = {
  method?: 'GET' | 'POST'
  path?: string
  body?: string
  headers?: Record<string, string>
  tokens?: readonly string[]
}

function requestsTo({ credentials }: Target, shape: Shape = {}): Request[] {
  const { method = 'GET', path = '/rooms', body, tokens = credentials.tokens(TOKENS) } = shape
  return tokens.map((token) => {
    const headers = { ...headersOf(credentials, token), ...shape.headers }
    if (body === undefined) return { method, path, headers }
    return { method, path, headers: { ...headers, 'Content-Type': 'application/json' }, body }
  })
}

/** Runs a load, and says what it cost per request. */
async function costed(target: Target, load: () => Promise<LoadFigures>): Promise<Figures> {
  const before = usageOf(target.pids).cpuUs
  const figures = await load()
  const cpuUs = usageOf(target.pids).cpuUs - before
  return { ...figures, ...(target.pids.length > 0 && { cpuUs: cpuUs / figures.requests }) }
}

const saturating =
  (connections: number, shape: Shape = {}, isRefused = false): Scenario['run'] =>
  (target) => {
    const { url, seconds, words } = target
    const order = { url, connections, seconds, requests: requestsTo(target, shape), isRefused }
    return costed(target, () => saturate(order, words))
  }

const paced =
  (rate: number): Scenario['run'] =>
  (target) => {
    const { url, seconds, words } = target
    return costed(target, () =>
      pace({ url, connections: 64, seconds, requests: requestsTo(target), rate }, words),
    )
  }

async function cold(target: Target): Promise<Figures> {
  const tokens = await target.credentials.coldTokens(COLD_TOKENS)
  const order = { url: target.url, connections: 64, seconds: 1, requests: requestsTo(target, { tokens }) }
  target.credentials.core.introspections.length = 0
  const figures = await costed(target, () => saturate(order, target.words))
  return { ...figures, lookups: target.credentials.core.introspections.splice(0).length }
}

async function herding(target: Target): Promise<Figures> {
  const tokens = await target.credentials.coldTokens(1)
  // The client key is known by now wherever there is traffic at all.
  await saturate({ url: target.url, connections: 4, seconds: 1, requests: requestsTo(target) }, target.words)
  target.credentials.core.introspections.length = 0
  const order = { url: target.url, connections: HERD, seconds: 0, requests: requestsTo(target, { tokens }) }
  const figures = await costed(target, () => herd(order, target.words))
  return { ...figures, lookups: target.credentials.core.introspections.splice(0).length }
}

function socketOrder(target: Target, kind: SocketOrder['kind'], connections: number): SocketOrder {
  const { url, seconds, credentials } = target
  const headers = credentials.tokens(TOKENS).map((token) => headersOf(credentials, token))
  return { url, connections, seconds, kind, headers, messages: [MESSAGE] }
}

async function speak(target: Target, order: SocketOrder): Promise<Figures> {
  let before = 0
  const figures = await useSockets(order, target.words, () => {
    before = usageOf(target.pids).cpuUs
  })
  const cpuUs = usageOf(target.pids).cpuUs - before
  return { ...figures, ...(target.pids.length > 0 && { cpuUs: cpuUs / figures.requests }) }
}

const echo: Scenario['run'] = (target) => speak(target, socketOrder(target, 'echo', TUNNELS))

const fanOut: Scenario['run'] = (target) =>
  speak(target, { ...socketOrder(target, 'fan-out', TUNNELS * 5), messages: ['42["fan-out"]', MESSAGE] })

function exchange(target: Target): Promise<Figures> {
  const { credentials } = target
  const messages = credentials
    .tokens(TUNNELS)
    .map((token) => `42["auth",${JSON.stringify(token)},{"IM-Client-Key":"${credentials.keys.clientKey}"}]`)
  return speak(target, { ...socketOrder(target, 'echo', TUNNELS), messages })
}

const idle =
  (tunnels: number): Scenario['run'] =>
  async (target) => {
    // What a process at work needs anyway, its collector's young generation above all, is not the tunnels'.
    const { url, words, collectGarbage } = target
    await saturate({ url, connections: 64, seconds: IDLE_WARMUP_S, requests: requestsTo(target) }, words)
    await collectGarbage?.()
    const before = usageOf(target.pids)
    let after = before
    const order = { ...socketOrder(target, 'idle', tunnels), seconds: 0 }
    const figures = await useSockets(order, target.words, async () => {
      await delay(SETTLING_MS)
      await collectGarbage?.()
      after = usageOf(target.pids)
    })
    return {
      requests: tunnels,
      failures: figures.failures,
      cpuUs: (after.cpuUs - before.cpuUs) / tunnels,
      kilobytes: (after.residentBytes - before.residentBytes) / tunnels / 1_024,
    }
  }

const refusedTokens = (target: Target): readonly string[] =>
  target.credentials.tokens(TOKENS).map((token) => `wrong-${token}`)

const post = { method: 'POST', path: '/rooms/x/message', body: KILOBYTE } as const

export const scenariosOf = (tunnels: number): readonly Scenario[] => [
  {
    name: 'get-64',
    title: 'GET 1 KB, 64 connections',
    ability: 'requests',
    isForAll: true,
    run: saturating(64),
  },
  {
    name: 'open',
    title: 'GET 1 KB where nothing is authenticated, 64 connections',
    ability: 'open',
    run: saturating(64, { path: '/stickers' }),
  },
  {
    name: 'post-64',
    title: 'POST 1 KB, 64 connections',
    ability: 'requests',
    isForAll: true,
    run: saturating(64, post),
  },
  {
    name: 'get-256',
    title: 'GET 1 KB, 256 connections',
    ability: 'requests',
    run: saturating(256),
  },
  {
    name: 'post-256',
    title: 'POST 1 KB, 256 connections',
    ability: 'requests',
    run: saturating(256, post),
  },
  {
    name: 'paced',
    title: 'GET 1 KB at 2 000/s, open loop',
    ability: 'requests',
    isForAll: true,
    run: paced(2_000),
  },
  {
    name: 'new-connection',
    title: 'GET 1 KB, a new connection for each',
    ability: 'requests',
    run: saturating(64, { headers: { Connection: 'close' } }),
  },
  {
    name: 'tls',
    title: 'GET 1 KB by TLS, 64 connections',
    ability: 'tls',
    run: saturating(64),
  },
  {
    name: 'workers',
    title: 'GET 1 KB, 64 connections, two workers on both processors beside the load',
    ability: 'workers',
    run: saturating(64),
  },
  {
    name: 'upload',
    title: 'POST 1 MB, 16 connections',
    ability: 'requests',
    run: (target) =>
      saturating(16, { ...post, body: MEGABYTE, tokens: target.credentials.tokens(4) })(target),
  },
  {
    name: 'download',
    title: 'GET 1 MB, 16 connections',
    ability: 'requests',
    run: saturating(16, { path: '/large.bin' }),
  },
  {
    name: 'negative',
    title: 'GET with tokens known to be bad, 64 connections',
    ability: 'requests',
    onlyAuthenticating: true,
    run: (target) => saturating(64, { tokens: refusedTokens(target) }, true)(target),
  },
  {
    name: 'cold',
    title: 'GET with tokens never seen before, 64 connections',
    ability: 'requests',
    onlyAuthenticating: true,
    isFresh: true,
    rounds: 3,
    run: cold,
  },
  {
    name: 'herd',
    title: `${HERD} requests at once with one token never seen before`,
    ability: 'requests',
    onlyAuthenticating: true,
    rounds: 3,
    run: herding,
  },
  {
    name: 'echo',
    title: `Messages of 200 bytes and back, ${TUNNELS} sockets`,
    ability: 'tunnels',
    isForAll: true,
    run: echo,
  },
  {
    name: 'fan-out',
    title: `One message to all of ${TUNNELS * 5} sockets`,
    ability: 'tunnels',
    isForAll: true,
    run: fanOut,
  },
  {
    name: 'exchange',
    title: 'auth events inside sockets, credentials cached',
    ability: 'exchange',
    run: exchange,
  },
  {
    name: 'idle',
    title: `${tunnels} idle sockets`,
    ability: 'idle',
    isForAll: true,
    isFresh: true,
    rounds: 3,
    run: idle(tunnels),
  },
]
