import type { Scope } from '../../test/support/child-process.ts'
import { median, type Row } from './figures.ts'
import { has, hear, is, startChild } from './node-child.ts'

type Heard = { ms: number; cpuMs: number; pauseMs: number }

/** One message to so many sockets of one room, from its sending until the last of them has it. */
export async function benchBroadcast(
  scope: Scope,
  options: { sockets: number; rounds: number },
): Promise<Row[]> {
  const { sockets, rounds } = options
  const server = startChild(scope, 'broadcast-server.ts', [])
  const { url } = await hear(server, has('url'))
  const clients = startChild(scope, 'broadcast-clients.ts', [String(url), `${sockets}`])
  await hear(clients, is('ready'))

  async function broadcast(kind: 'bare' | 'ours'): Promise<Heard> {
    const heard = hear(clients, has('heardAtMs'))
    server.send(kind)
    const { heardAtMs } = await heard
    server.send('pauses')
    const seen = await hear(server, has('begunAtMs', 'longestPauseMs', 'cpuMs'))
    const ms = Number(heardAtMs) - Number(seen.begunAtMs)
    return { ms, pauseMs: Number(seen.longestPauseMs), cpuMs: Number(seen.cpuMs) }
  }

  for (const kind of ['bare', 'ours', 'bare', 'ours'] as const) await broadcast(kind)
  const bare: Heard[] = []
  const ours: Heard[] = []
  for (let round = 0; round < rounds; round++) {
    bare.push(await broadcast('bare'))
    ours.push(await broadcast('ours'))
  }
  const figures = (runs: typeof bare) => ({
    p50Ms: median(runs.map(({ ms }) => ms)),
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    longestPauseMs: Math.max(...runs.map(({ pauseMs }) => pauseMs)),
  })
  return [
    { what: `Socket.IO’s emit to ${sockets} sockets`, ...figures(bare) },
    {
      what: `our delivery to ${sockets} sockets`,
      ...figures(ours),
      ratio: median(ours.map(({ ms }, i) => ms / (bare[i]?.ms ?? Number.NaN))),
      cpuRatio: median(ours.map(({ cpuMs }, i) => cpuMs / (bare[i]?.cpuMs ?? Number.NaN))),
      aim: 'at most 1.1 of emit; no pause above 20 ms',
    },
  ]
}
