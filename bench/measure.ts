import type { Scope } from '../test/support/child-process.ts'
import type { BenchCredentials } from './credentials.ts'
import type { Figures, Measurement } from './report.ts'
import type { Ability, Rival, Running, Setting } from './rival.ts'
import type { Interleaved, OneByOne, Scenario, Target } from './scenario.ts'
import { type Player, type Turns, takeTurns } from './turns.ts'
import { usageOf } from './usage.ts'

export type Plan = {
  rounds: number
  fewerRounds: number
  turns: Turns
  /** Processor time that a rival uses before anything of it counts: what a compiler needs that works meanwhile. */
  warmupCpuMs: number
}

type Parts = {
  settings: Readonly<Record<Ability, Setting>>
  credentials: BenchCredentials
  plan: Plan
  /** Words before the load's command. */
  words: readonly string[]
}

const WARMUP_TURN_MS = 250
/** Where processors are shared, or a load keeps none busy. */
const MAX_WARMUP_TURNS = 60
/** Of a rival that is warm already, for what another kind of request needs. */
const TURNS_FOR_SCENARIO = 4
/** In each round, before its first lead: who has rested for minutes has even given back its memory. */
const TURNS_AFTER_REST = 1

export async function measure(
  t: Scope,
  scenarios: readonly Scenario[],
  rivals: readonly Rival[],
  parts: Parts,
): Promise<Measurement[]> {
  const { settings, credentials, plan, words } = parts
  const running = new Map<string, Running>()
  const targetOf = (one: Running): Target => ({ ...one, credentials, words })

  /** One process of a rival for each setting. */
  async function hold(rival: Rival, scenario: Scenario): Promise<Target> {
    const setting = settings[scenario.ability]
    const key = `${Object.values(settings).indexOf(setting)} ${rival.name}`
    const known = running.get(key)
    const started = known ?? (await rival.start(setting))
    if (known === undefined) {
      t.teardown(() => started.stop())
      running.set(key, started)
      if ('start' in scenario) await warmUp(scenario, targetOf(started), MAX_WARMUP_TURNS)
    }
    return targetOf(started)
  }

  /** Until the rival has used the processor for long enough, or it has had so many turns. */
  async function warmUp({ start, beside }: Interleaved, target: Target, maxTurns: number): Promise<void> {
    if (target.pids.length === 0) return
    const used = () => usageOf(target.pids).cpuUs / 1_000
    for (const load of [start, ...(beside ? [beside.start] : [])]) {
      const warming = await load(target)
      const until = used() + plan.warmupCpuMs
      for (let turn = 0; turn < maxTurns && used() < until; turn++) await warming.turn(WARMUP_TURN_MS)
      await warming.end()
    }
  }

  async function interleaved(scenario: Interleaved, able: readonly Rival[]): Promise<Map<string, Figures>> {
    const players: Player[] = []
    for (const rival of able) {
      const target = await hold(rival, scenario)
      await warmUp(scenario, target, TURNS_AFTER_REST)
      const add = async (name: string, start: Interleaved['start']) => {
        const load = await start(target)
        if (scenario.loadWarmupMs !== undefined) await load.lead(scenario.loadWarmupMs)
        const { pids } = target
        players.push({
          name,
          load,
          pids,
          ...(scenario.countsStoreReads && { storeReads: credentials.storeReads }),
        })
      }
      await add(rival.name, scenario.start)
      const { beside } = scenario
      if (beside !== undefined) await add(`${rival.name}, ${beside.name}`, beside.start)
    }
    const { count, ms } = plan.turns
    return takeTurns(players, { count, ms: ms * (scenario.longerTurns ?? 1) })
  }

  async function oneByOne(scenario: OneByOne, able: readonly Rival[]): Promise<Map<string, Figures>> {
    const figures = new Map<string, Figures>()
    for (const rival of able) {
      const fresh = scenario.isFresh && (await rival.start(settings[scenario.ability]))
      try {
        const target = fresh ? targetOf(fresh) : await hold(rival, scenario)
        figures.set(rival.name, await scenario.run(target))
      } catch (error) {
        console.error(`${rival.name} broke down:`, error)
      } finally {
        if (fresh) await fresh.stop()
      }
    }
    return figures
  }

  for (const scenario of scenarios)
    if ('start' in scenario)
      for (const rival of takingPart(rivals, scenario)) {
        await warmUp(scenario, await hold(rival, scenario), TURNS_FOR_SCENARIO)
      }
  const measurements: Measurement[] = []
  for (let round = 0; round < plan.rounds; round++) {
    for (const scenario of scenarios) {
      if (scenario.hasFewerRounds && round >= plan.fewerRounds) continue
      const able = takingPart(rivals, scenario)
      const all = 'start' in scenario ? interleaved(scenario, able) : oneByOne(scenario, able)
      for (const [rival, figures] of await all) {
        measurements.push({ round, scenario: scenario.name, rival, ...figures })
        if (figures.failures > 0)
          console.error(`${rival}: ${figures.failures} of ${figures.requests} in ${scenario.name} failed`)
      }
    }
    console.error(`round ${round + 1} of ${plan.rounds}, ${Math.round(performance.now() / 60_000)} min`)
  }
  return measurements
}

const takingPart = (
  rivals: readonly Rival[],
  { ability, onlyAuthenticating, isForAll }: Scenario,
): readonly Rival[] =>
  rivals.filter(
    ({ abilities, authenticates, isNear }) =>
      abilities.includes(ability) && (authenticates || !onlyAuthenticating) && (isNear || isForAll),
  )
