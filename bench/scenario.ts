import type { BenchCredentials } from './credentials.ts'
import type { Load } from './load.ts'
import type { Figures } from './report.ts'
import type { Ability } from './rival.ts'

/** What a scenario is run against. */
export type Target = {
  url: string
  pids: readonly number[]
  credentials: BenchCredentials
  /** Words before the load's command. */
  words: readonly string[]
  collectGarbage?: (() => Promise<void>) | undefined
}

type Common = {
  name: string
  title: string
  /** Who takes part: those that can, and, where it is about credentials, those that authenticate. */
  ability: Ability
  onlyAuthenticating?: true
  /** Those as well that are there for the whole picture only. */
  isForAll?: true
  /** No target speaks of it, or it is slow to prepare: fewer rounds are enough. */
  hasFewerRounds?: true
}

/** All rivals take short turns under their loads. */
export type Interleaved = Common & {
  start(target: Target): Promise<Load>
  /** The same rivals again, under another load. */
  beside?: { name: string; start(target: Target): Promise<Load> }
  countsStoreReads?: true
  /** So many times as long as others': of few requests the slowest hundredth says more of the machine. */
  longerTurns?: number
  /** Before its first turn of a round: a load that is a program of Node has to be compiled, too. */
  loadWarmupMs?: number
}

/** One rival after the other. */
export type OneByOne = Common & {
  run(target: Target): Promise<Figures>
  /** Each time against a rival that has just been started. */
  isFresh?: true
}

export type Scenario = Interleaved | OneByOne
