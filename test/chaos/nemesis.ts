/** Breaks one thing after the other, mends it, and measures how long it takes until messages are taken again. */
import { performance } from 'node:perf_hooks'
import type { Administrator } from './administrator.ts'
import { wait } from './caller.ts'
import type { Random } from './random.ts'
import type { ChaosStand, Node } from './stand.ts'
import type { ChaosUser } from './user.ts'

export const FAULTS = [
  'kill a gateway',
  'kill a core',
  'terminate a gateway',
  'terminate a core',
  'pause a gateway',
  'pause a core',
  'kill Redis',
  'pause Redis',
  'stop PostgreSQL at once',
  'restart PostgreSQL',
  'pause PostgreSQL',
  'partition a link',
  'delay a link',
  'cut a link',
  'rotate a credential',
  'revoke a credential',
] as const

export type FaultKind = (typeof FAULTS)[number]

/** `recoveryMs`: from the begin of mending (which starts a process anew) until both entrances took a message. */
export type Struck = { kind: FaultKind; what: string; heldMs: number; recoveryMs: number }

export type Nemesis = { run(untilMs: number, most: number): Promise<void>; struck: Struck[] }

type Parts = {
  stand: ChaosStand
  users: readonly ChaosUser[]
  administrator: Administrator
  random: Random
  faultMs: { least: number; most: number }
  pauseMs: { least: number; most: number }
  /** Resolves when both entrances take messages. */
  recovered: () => Promise<void>
  tell: (line: string) => void
}

type Fault = { what: string; begin(): unknown; end(): unknown }

export function createNemesis(parts: Parts): Nemesis {
  const { stand, users, administrator, random, faultMs, pauseMs, recovered, tell } = parts
  const { gateways, cores, redis, postgres, links } = stand
  const struck: Struck[] = []
  let bag: FaultKind[] = []

  /** Each kind comes once before any comes again. */
  function draw(): FaultKind {
    if (bag.length === 0) bag = [...FAULTS]
    const kind = random.pick(bag)
    bag.splice(bag.indexOf(kind), 1)
    return kind
  }

  const kill = (node: Node): Fault => ({
    what: node.name,
    begin() {
      node.running().signal('SIGKILL')
      return node.running().ended
    },
    end: () => node.restart(),
  })
  const terminate = (node: Node): Fault => ({
    what: node.name,
    begin: () => node.running().stop(),
    end: () => node.restart(),
  })
  const pause = (node: Node): Fault => ({
    what: node.name,
    begin: () => node.running().signal('SIGSTOP'),
    end: () => node.running().signal('SIGCONT'),
  })

  async function rotate(user: ChaosUser): Promise<void> {
    const old = user.credential()
    user.present(await administrator.issue(user.id))
    await administrator.revoke(old)
  }

  function prepare(kind: FaultKind): Fault {
    const link = random.pick(links)
    const user = random.pick(users)
    const gateway = random.pick(gateways)
    const core = random.pick(cores)
    const delayMs = random.between(20, 400)
    switch (kind) {
      case 'kill a gateway':
        return kill(gateway)
      case 'kill a core':
        return kill(core)
      case 'terminate a gateway':
        return terminate(gateway)
      case 'terminate a core':
        return terminate(core)
      case 'pause a gateway':
        return pause(gateway)
      case 'pause a core':
        return pause(core)
      case 'kill Redis':
        return { what: 'redis', begin: redis.stop, end: redis.start }
      case 'pause Redis':
        return { what: 'redis', begin: redis.pause, end: redis.resume }
      case 'stop PostgreSQL at once':
        return { what: 'postgres', begin: postgres.stop, end: postgres.start }
      case 'restart PostgreSQL':
        return { what: 'postgres', begin: () => postgres.stop().then(postgres.start), end() {} }
      case 'pause PostgreSQL':
        return { what: 'postgres', begin: postgres.pause, end: postgres.resume }
      case 'partition a link':
        return { what: link.name, begin: link.proxy.partition, end: link.proxy.heal }
      case 'delay a link':
        return {
          what: `${link.name}, ${delayMs} ms`,
          begin() {
            link.proxy.up.delayMs = link.proxy.down.delayMs = delayMs
          },
          end: link.proxy.heal,
        }
      case 'cut a link':
        return { what: link.name, begin: link.proxy.cut, end() {} }
      case 'rotate a credential':
        return { what: user.id, begin: () => rotate(user), end() {} }
      case 'revoke a credential':
        return { what: user.id, begin: () => administrator.revoke(user.credential()), end() {} }
    }
  }

  async function strike(): Promise<void> {
    const kind = draw()
    const fault = prepare(kind)
    const forMs = random.between(faultMs.least, faultMs.most)
    const pauseAfterMs = random.between(pauseMs.least, pauseMs.most)
    const begunAt = performance.now()
    tell(`${kind}: ${fault.what}, ${forMs} ms`)
    await fault.begin()
    await wait(forMs)
    const mendingAt = performance.now()
    await fault.end()
    await recovered()
    const recoveryMs = performance.now() - mendingAt
    struck.push({ kind, what: fault.what, heldMs: mendingAt - begunAt, recoveryMs })
    await wait(pauseAfterMs)
  }

  return {
    struck,
    async run(untilMs, most) {
      while (Date.now() < untilMs && struck.length < most) await strike()
    },
  }
}
