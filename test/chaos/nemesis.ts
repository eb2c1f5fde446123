/** Breaks things, one or two at a time, mends them, and measures how long it takes until messages are taken again. */
import { performance } from 'node:perf_hooks'
import type { Away } from './bounds.ts'
import { wait } from './caller.ts'
import { createFaults, type Fault, type FaultKind, type FaultParts } from './faults.ts'

/** `recoveryMs`: from the begin of the last mending (which starts a process anew) until both entrances took a message. */
export type Struck = { kinds: readonly FaultKind[]; what: string; heldMs: number; recoveryMs: number }

/** Nothing is away while these last. */
const HARMLESS: ReadonlySet<FaultKind> = new Set(['rotate a credential', 'revoke a credential'])

export type Nemesis = {
  /** @param once Each kind, where the time is enough. */
  run(untilMs: number, once: boolean): Promise<void>
  struck: Struck[]
  /** In the order in which they began, the one that lasts included. */
  aways(): readonly Away[]
}

type Parts = FaultParts & {
  /** Where not all that the stand has something for. */
  kinds: readonly FaultKind[] | undefined
  faultMs: { least: number; most: number }
  calmMs: { least: number; most: number }
  /** The share of the strikes in which a second fault comes while the first one lasts. */
  pairShare: number
  /** Resolves when both entrances take messages. */
  recovered: () => Promise<void>
  tell: (line: string) => void
}

type Blow = { fault: Fault; afterMs: number; forMs: number }

export function createNemesis(parts: Parts): Nemesis {
  const { random, faultMs, calmMs, pairShare, recovered, tell } = parts
  const { kinds: all, prepare } = createFaults(parts)
  const kinds = parts.kinds ?? all
  const struck: Struck[] = []
  const over: Away[] = []
  let brokenSinceMs: number | undefined
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
    const calmAfterMs = random.between(calmMs.least, calmMs.most)
    const begunAt = performance.now()
    if (blows.some(({ fault }) => !HARMLESS.has(fault.kind))) brokenSinceMs = Date.now()
    const mendingAt = Math.max(...(await Promise.all(blows.map(deal))))
    await recovered()
    const recoveryMs = performance.now() - mendingAt
    if (brokenSinceMs !== undefined) over.push({ fromMs: brokenSinceMs, untilMs: Date.now() })
    brokenSinceMs = undefined
    const kinds = blows.map(({ fault }) => fault.kind)
    const what = blows.map(({ fault }) => fault.victim).join(', ')
    struck.push({ kinds, what, heldMs: mendingAt - begunAt, recoveryMs })
    tell(`recovered in ${recoveryMs.toFixed(0)} ms`)
    await wait(calmAfterMs)
  }

  const aways = (): Away[] =>
    brokenSinceMs === undefined ? over : [...over, { fromMs: brokenSinceMs, untilMs: Date.now() }]

  return {
    struck,
    aways,
    async run(untilMs, once) {
      const most = once ? kinds.length : Infinity
      const dealt = () => struck.reduce((sum, { kinds }) => sum + kinds.length, 0)
      while (Date.now() < untilMs && dealt() < most) await strike()
    },
  }
}
