/** Breaks things, one or two at a time, mends them, and measures how long it takes until messages are taken again. */
import { performance } from 'node:perf_hooks'
import { wait } from './caller.ts'
import { createFaults, type Fault, type FaultKind, type FaultParts } from './faults.ts'

/** `recoveryMs`: from the begin of the last mending (which starts a process anew) until both entrances took a message. */
export type Struck = { kinds: readonly FaultKind[]; what: string; heldMs: number; recoveryMs: number }

export type Nemesis = {
  run(untilMs: number, most: number): Promise<void>
  struck: Struck[]
  /** From the first blow of a strike to its recovery, of all strikes that have begun. */
  longestMs(): number
}

type Parts = FaultParts & {
  kinds: readonly FaultKind[]
  faultMs: { least: number; most: number }
  pauseMs: { least: number; most: number }
  /** The share of the strikes in which a second fault comes while the first one lasts. */
  pairShare: number
  /** Resolves when both entrances take messages. */
  recovered: () => Promise<void>
  tell: (line: string) => void
}

type Blow = { fault: Fault; afterMs: number; forMs: number }

export function createNemesis(parts: Parts): Nemesis {
  const { kinds, random, faultMs, pauseMs, pairShare, recovered, tell } = parts
  const prepare = createFaults(parts)
  const struck: Struck[] = []
  let longestMs = 0
  let strikingSince: number | undefined
  let bag: FaultKind[] = []

  /** Each kind comes once before any comes again. */
  function draw(): FaultKind {
    if (bag.length === 0) bag = [...kinds]
    const kind = random.pick(bag)
    bag.splice(bag.indexOf(kind), 1)
    return kind
  }

  function drawBlows(): Blow[] {
    const first = { fault: prepare(draw()), afterMs: 0, forMs: random.between(faultMs.least, faultMs.most) }
    if (!random.chance(pairShare) || bag.length === 0) return [first]
    const kind = draw()
    let fault = prepare(kind)
    for (let tries = 0; fault.victim === first.fault.victim && tries < 20; tries++) fault = prepare(kind)
    if (fault.victim === first.fault.victim) {
      bag.push(kind)
      return [first]
    }
    const afterMs = random.between(0, Math.floor(first.forMs / 2))
    return [first, { fault, afterMs, forMs: random.between(faultMs.least, faultMs.most) }]
  }

  /** @returns when the mending began. */
  async function deal({ fault, afterMs, forMs }: Blow): Promise<number> {
    await wait(afterMs)
    const detail = fault.detail === undefined ? '' : `, ${fault.detail}`
    tell(`${fault.kind}: ${fault.victim}${detail}, for ${forMs} ms`)
    await fault.begin()
    await wait(forMs)
    const mendingAt = performance.now()
    await fault.end()
    return mendingAt
  }

  async function strike(): Promise<void> {
    const blows = drawBlows()
    const pauseAfterMs = random.between(pauseMs.least, pauseMs.most)
    const begunAt = performance.now()
    strikingSince = begunAt
    const mendingAt = Math.max(...(await Promise.all(blows.map(deal))))
    await recovered()
    const recoveryMs = performance.now() - mendingAt
    longestMs = Math.max(longestMs, performance.now() - begunAt)
    strikingSince = undefined
    const kinds = blows.map(({ fault }) => fault.kind)
    const what = blows.map(({ fault }) => fault.victim).join(', ')
    struck.push({ kinds, what, heldMs: mendingAt - begunAt, recoveryMs })
    tell(`recovered in ${recoveryMs.toFixed(0)} ms`)
    await wait(pauseAfterMs)
  }

  return {
    struck,
    longestMs: () => Math.max(longestMs, strikingSince === undefined ? 0 : performance.now() - strikingSince),
    async run(untilMs, most) {
      const dealt = () => struck.reduce((sum, { kinds }) => sum + kinds.length, 0)
      while (Date.now() < untilMs && dealt() < most) await strike()
    },
  }
}
