import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Scope } from '../../test/support/child-process.ts'
import { median, type Row } from './figures.ts'

const PROCESSES = join(import.meta.dirname, 'processes')

function start(scope: Scope, program: string, args: string[]): ChildProcess {
  const child = fork(join(PROCESSES, program), args, { execArgv: [] })
  scope.teardown(() => {
    child.kill()
  })
  return child
}

async function hear<T>(child: ChildProcess, isIt: (message: unknown) => message is T): Promise<T> {
  for (;;) {
    const [message] = await once(child, 'message')
    if (isIt(message)) return message
  }
}

const has =
  <K extends string>(key: K) =>
  (message: unknown): message is Record<K, unknown> =>
    typeof message === 'object' && message !== null && key in message
const is =
  <T extends string>(word: T) =>
  (message: unknown): message is T =>
    message === word

/** One message to so many sockets of one room, from its sending until the last of them has it. */
export async function benchBroadcast(
  scope: Scope,
  options: { sockets: number; rounds: number },
): Promise<Row[]> {
  const { sockets, rounds } = options
  const server = start(scope, 'broadcast-server.ts', [])
  const { url } = await hear(server, has('url'))
  const clients = start(scope, 'broadcast-clients.ts', [String(url), `${sockets}`])
  await hear(clients, is('ready'))

  async function broadcast(kind: 'bare' | 'ours'): Promise<{ ms: number; pauseMs: number }> {
    const heard = hear(clients, is('heard'))
    server.send(kind)
    await hear(server, is('begun'))
    const startMs = performance.now()
    await heard
    const ms = performance.now() - startMs
    server.send('pauses')
    const { longestPauseMs } = await hear(server, has('longestPauseMs'))
    return { ms, pauseMs: Number(longestPauseMs) }
  }

  for (const kind of ['bare', 'ours', 'bare', 'ours'] as const) await broadcast(kind)
  const bare: { ms: number; pauseMs: number }[] = []
  const ours: { ms: number; pauseMs: number }[] = []
  for (let round = 0; round < rounds; round++) {
    bare.push(await broadcast('bare'))
    ours.push(await broadcast('ours'))
  }
  const figures = (runs: typeof bare) => ({
    p50Ms: median(runs.map(({ ms }) => ms)),
    longestPauseMs: median(runs.map(({ pauseMs }) => pauseMs)),
  })
  return [
    { what: `Socket.IO’s emit to ${sockets} sockets`, ...figures(bare) },
    {
      what: `our delivery to ${sockets} sockets`,
      ...figures(ours),
      ratio: median(ours.map(({ ms }, i) => ms / (bare[i]?.ms ?? Number.NaN))),
      aim: 'at most 1.1 of emit; no pause above 20 ms',
    },
  ]
}
