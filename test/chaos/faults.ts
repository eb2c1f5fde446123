/** What can be broken, how, and how it is mended. */
import { RESERVE_BYTES } from '../../core/store/data-directory.ts'
import type { SmallDisk } from '../support/small-disk.ts'
import type { Administrator } from './administrator.ts'
import type { Random } from './random.ts'
import type { ChaosStand, Gateway, Link, Node } from './stand.ts'
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
  'fill the disk',
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
const DELAY_MS = { least: 20, most: 400 }
/** To the last byte while it is writing; and so that it stops writing before. */
const LEFT_BYTES = [0, RESERVE_BYTES / 2] as const

export type Faults = {
  /** Those that the stand has something for. */
  kinds: readonly FaultKind[]
  /** Draws a victim. */
  prepare(kind: FaultKind): Fault
}

export function createFaults({ stand, users, administrator, random }: FaultParts): Faults {
  const { gateways, cores, redis, postgres, disk, links } = stand
  type Deed = Omit<Fault, 'kind'>

  const stop = (node: Node, by: 'SIGKILL' | 'SIGTERM'): Deed => ({
    victim: node.name,
    begin: () => node.stop(by),
    end: node.restart,
  })
  const pause = (node: Node): Deed => ({
    victim: node.name,
    begin: () => node.signal('SIGSTOP'),
    end: () => node.signal('SIGCONT'),
  })

  async function rotate(user: ChaosUser): Promise<void> {
    const old = user.credential()
    user.present(await administrator.issue(user.id))
    await administrator.revoke(old)
  }

  function delay(link: Link, delayMs: number): Deed {
    return {
      victim: link.name,
      detail: `${delayMs} ms`,
      begin() {
        link.proxy.up.delayMs = link.proxy.down.delayMs = delayMs
      },
      end: link.proxy.heal,
    }
  }
  const partition = ({ name, proxy }: Link): Deed => ({
    victim: name,
    begin: proxy.partition,
    end: proxy.heal,
  })
  const cut = ({ name, proxy }: Link): Deed => ({ victim: name, begin: proxy.cut, end() {} })
  const skew = (gateway: Gateway, byMs: number): Deed => ({
    victim: gateway.name,
    detail: `by ${byMs} ms`,
    begin: () => gateway.shiftClock(byMs),
    end: () => gateway.shiftClock(0),
  })
  const fill = (full: SmallDisk, leftBytes: number): Deed => ({
    victim: 'disk',
    detail: `but for ${leftBytes} bytes`,
    begin: () => full.leaveFree(leftBytes),
    end: full.clear,
  })

  const deeds: Partial<Record<FaultKind, () => Deed>> = {
    'kill a gateway': () => stop(random.pick(gateways), 'SIGKILL'),
    'kill a core': () => stop(random.pick(cores), 'SIGKILL'),
    'terminate a gateway': () => stop(random.pick(gateways), 'SIGTERM'),
    'terminate a core': () => stop(random.pick(cores), 'SIGTERM'),
    'pause a gateway': () => pause(random.pick(gateways)),
    'pause a core': () => pause(random.pick(cores)),
    ...(redis && {
      'kill Redis': () => ({ victim: 'redis', begin: redis.stop, end: redis.start }),
      'pause Redis': () => ({ victim: 'redis', begin: redis.pause, end: redis.resume }),
    }),
    ...(postgres && {
      'stop PostgreSQL at once': () => ({ victim: 'postgres', begin: postgres.stop, end: postgres.start }),
      'restart PostgreSQL': () => ({
        victim: 'postgres',
        begin: () => postgres.stop().then(postgres.start),
        end() {},
      }),
      'pause PostgreSQL': () => ({ victim: 'postgres', begin: postgres.pause, end: postgres.resume }),
    }),
    ...(disk && { 'fill the disk': () => fill(disk, random.pick(LEFT_BYTES)) }),
    'partition a link': () => partition(random.pick(links)),
    'delay a link': () => delay(random.pick(links), random.between(DELAY_MS.least, DELAY_MS.most)),
    'cut a link': () => cut(random.pick(links)),
    "set a gateway's clock wrong": () =>
      skew(
        random.pick(gateways),
        random.between(SHIFT_MS.least, SHIFT_MS.most) * (random.chance(0.5) ? 1 : -1),
      ),
    'rotate a credential': () => {
      const user = random.pick(users)
      return { victim: user.id, begin: () => rotate(user), end() {} }
    },
    'revoke a credential': () => {
      const user = random.pick(users)
      return { victim: user.id, begin: () => administrator.revoke(user.credential()), end() {} }
    },
  }

  return {
    kinds: FAULTS.filter((kind) => deeds[kind] !== undefined),
    prepare(kind) {
      const deed = deeds[kind]
      if (deed === undefined) throw new Error(`there is nothing to ${kind}`)
      return { kind, ...deed() }
    },
  }
}
