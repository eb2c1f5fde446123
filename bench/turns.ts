import { setTimeout as delay } from 'node:timers/promises'
import type { Load } from './load.ts'
import type { Figures } from './report.ts'
import { usageOf } from './usage.ts'

export type Player = {
  name: string
  load: Load
  pids: readonly number[]
  /** Reads of the user store so far, where they are of interest. */
  storeReads?: () => Promise<number>
}

export type Turns = { count: number; ms: number }

type Spent = { cpuUs: number; lookups: number }

/** What is under way when a load stops is answered within this, and then charged to whose turn it was. */
const DRAINING_MS = 10

/**
 * Who has rested while the others had their turns finds nothing of its own in the processor's caches, and takes up to
 * twice the time for its first requests, as no server does that is at work all the time. So each turn has a lead.
 */
const LEAD_MS = 200

/**
 * Loads take turns, short ones, so that whatever else the machine does meets all of them alike. One that breaks is
 * left out, and the others go on.
 */
export async function takeTurns(players: readonly Player[], turns: Turns): Promise<Map<string, Figures>> {
  const spent = new Map(players.map((player): [Player, Spent] => [player, { cpuUs: 0, lookups: 0 }]))
  for (let turn = 0; turn < turns.count; turn++)
    for (const player of players) {
      const { load } = player
      const lead = () => load.lead(LEAD_MS)
      await charged(player, spent, () => load.turn(turns.ms), lead)
    }
  const figures = new Map<string, Figures>()
  for (const player of players) {
    const ended = await charged(player, spent, () => player.load.end())
    const total = spent.get(player)
    if (ended === undefined || total === undefined) continue
    figures.set(player.name, {
      ...ended,
      ...(player.pids.length > 0 && { cpuUs: total.cpuUs / ended.requests }),
      ...(player.storeReads && { lookups: total.lookups }),
    })
  }
  return figures
}

/** The lead is not. */
async function charged<T>(
  player: Player,
  spent: Map<Player, Spent>,
  act: () => Promise<T>,
  lead?: () => Promise<void>,
): Promise<T | undefined> {
  const total = spent.get(player)
  if (total === undefined) return undefined
  try {
    await lead?.()
    await delay(DRAINING_MS)
    const before = await spentBy(player)
    const result = await act()
    await delay(DRAINING_MS)
    const after = await spentBy(player)
    total.cpuUs += after.cpuUs - before.cpuUs
    total.lookups += after.lookups - before.lookups
    return result
  } catch (error) {
    console.error(`${player.name} broke down:`, error)
    spent.delete(player)
    return undefined
  }
}

const spentBy = async ({ pids, storeReads }: Player): Promise<Spent> => ({
  cpuUs: usageOf(pids).cpuUs,
  lookups: (await storeReads?.()) ?? 0,
})
