import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import type { FuzzTarget } from './target.ts'
import { frameScanner } from './targets/frame-scanner.ts'
import { headers } from './targets/headers.ts'
import { identity } from './targets/identity.ts'
import { lane } from './targets/lane.ts'
import { packets } from './targets/packets.ts'
import { paths } from './targets/paths.ts'
import { pollingBodies } from './targets/polling-bodies.ts'
import { responses } from './targets/responses.ts'

export const targets: readonly FuzzTarget[] = [
  headers,
  paths,
  frameScanner,
  packets,
  pollingBodies,
  identity,
  lane,
  responses,
]

export type Finding = { input: unknown; seed: number; error: string }
export type Outcome = { runs: number; finding: Finding | undefined }

const RUNS_AT_ONCE = 200
const corpusFile = (name: string): string => join(import.meta.dirname, 'corpus', `${name}.json`)

/** Cases that were found once, shrunk. */
export async function readCorpus(name: string): Promise<unknown[]> {
  const text = await readFile(corpusFile(name), 'utf8').catch(() => '[]')
  const cases: unknown = JSON.parse(text)
  if (!Array.isArray(cases)) throw new Error(`the corpus of ${name} is no list`)
  return cases
}

export async function addToCorpus(name: string, input: unknown): Promise<void> {
  const cases = await readCorpus(name)
  await writeFile(corpusFile(name), `${JSON.stringify([...cases, input], null, 2)}\n`)
}

/** Runs until the time is over or the oracle disagrees. */
export async function fuzz(target: FuzzTarget, seconds: number, firstSeed: number): Promise<Outcome> {
  const property = fc.asyncProperty(target.inputs, async (input) => {
    await target.check(input)
  })
  const deadline = performance.now() + seconds * 1_000
  let runs = 0
  for (let seed = firstSeed; performance.now() < deadline; seed++) {
    const details = await fc.check(property, { seed, numRuns: RUNS_AT_ONCE, endOnFailure: false })
    runs += details.numRuns
    if (!details.failed) continue
    const error = details.errorInstance
    return {
      runs,
      finding: {
        input: details.counterexample?.[0],
        seed,
        error: error instanceof Error ? error.message : String(error),
      },
    }
  }
  return { runs, finding: undefined }
}
