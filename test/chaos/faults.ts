/** What can be broken, how, and how it is mended. */
import type { Administrator } from './administrator.ts'
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
  "set a gateway's clock wrong",
  'rotate a credential',
  'revoke a credential',
] as const

export type FaultKind = (typeof FAULTS)[number]

export type Fault = {
  kind: FaultKind
  /** Whom or what it hits. Two faults that hit the same are not drawn together. */
  victim: string
  detail?: string
  begin(): unknown
  end(): unknown
}

export type FaultParts = {
  stand: ChaosStand
  users: readonly ChaosUser[]
  administrator: Administrator
  random: Random
}

/** The core lets a gateway's clock be 5 s ahead, and 65 s behind, where signed identities end. */
const SHIFT_MS = { least: 6_000, most: 600_000 }

/** @returns what draws a victim for a kind of fault. */
export function createFaults({
  stand,
  users,
  administrator,
  random,
}: FaultParts): (kind: FaultKind) => Fault {
  const { gateways, cores, redis, postgres, links } = stand
  type Deed = Omit<Fault, 'kind'>

  const kill = (node: Node): Deed => ({
    victim: node.name,
    begin() {
      node.running().signal('SIGKILL')
      return node.running().ended
    },
    end: () => node.restart(),
  })
  const terminate = (node: Node): Deed => ({
    victim: node.name,
    begin: () => node.running().stop(),
    end: () => node.restart(),
  })
  const pause = (node: Node): Deed => ({
    victim: node.name,
    begin: () => node.running().signal('SIGSTOP'),
    end: () => node.running().signal('SIGCONT'),
  })

  async function rotate(user: ChaosUser): Promise<void> {
    const old = user.credential()
    user.present(await administrator.issue(user.id))
    await administrator.revoke(old)
  }

  function deed(kind: FaultKind): Deed {
    const link = random.pick(links)
    const user = random.pick(users)
    const gateway = random.pick(gateways)
    const core = random.pick(cores)
    const delayMs = random.between(20, 400)
    const shiftMs = random.between(SHIFT_MS.least, SHIFT_MS.most) * (random.chance(0.5) ? 1 : -1)
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
        return { victim: 'redis', begin: redis.stop, end: redis.start }
      case 'pause Redis':
        return { victim: 'redis', begin: redis.pause, end: redis.resume }
      case 'stop PostgreSQL at once':
        return { victim: 'postgres', begin: postgres.stop, end: postgres.start }
      case 'restart PostgreSQL':
        return { victim: 'postgres', begin: () => postgres.stop().then(postgres.start), end() {} }
      case 'pause PostgreSQL':
        return { victim: 'postgres', begin: postgres.pause, end: postgres.resume }
      case 'partition a link':
        return { victim: link.name, begin: link.proxy.partition, end: link.proxy.heal }
      case 'delay a link':
        return {
          victim: link.name,
          detail: `${delayMs} ms`,
          begin() {
            link.proxy.up.delayMs = link.proxy.down.delayMs = delayMs
          },
          end: link.proxy.heal,
        }
      case 'cut a link':
        return { victim: link.name, begin: link.proxy.cut, end() {} }
      case "set a gateway's clock wrong":
        return {
          victim: gateway.name,
          detail: `by ${shiftMs} ms`,
          begin: () => gateway.shiftClock(shiftMs),
          end: () => gateway.shiftClock(0),
        }
      case 'rotate a credential':
        return { victim: user.id, begin: () => rotate(user), end() {} }
      case 'revoke a credential':
        return { victim: user.id, begin: () => administrator.revoke(user.credential()), end() {} }
    }
  }

  return (kind) => ({ kind, ...deed(kind) })
}
