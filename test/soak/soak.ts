/** Churn for as long as is wished, with what gateway and core hold read again and again. */
import { wait } from '../chaos/caller.ts'
import { createRandom } from '../chaos/random.ts'
import type { Scope } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'
import { startStack } from '../support/stack.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { type Counts, startChurn } from './churn.ts'
import { GAUGED, openGauge, type Reading } from './gauge.ts'
import { judgeGrowth, judgeRest, type Verdict } from './verdict.ts'

export type SoakOptions = {
  seed: number
  durationMs: number
  visitors: number
  thinkMs: { least: number; most: number }
  readEveryMs: number
  /** So often every connection between gateway and core is reset at once. */
  cutEveryMs: number
  database: 'pglite' | 'postgres'
  /** Pools close what nobody uses; a polling session that was left ends when it has not polled for long enough. */
  restWithinMs: number
  tell?: (line: string) => void
}

export type Held = { name: 'gateway' | 'core'; readings: Reading[]; rest: Reading }

export type SoakReport = { counts: Counts; cuts: number; held: Held[] }

const USERS = 20
const ROOM = 'soak'
const SERVICE_ENV = { ...GAUGED, LOG_LEVEL: 'info' }

export async function runSoak(t: Scope, options: SoakOptions): Promise<SoakReport> {
  const { seed, durationMs, readEveryMs, cutEveryMs, database, tell = () => {} } = options
  const stack = await startStack(t, {
    database,
    redis: database === 'postgres',
    gateways: 0,
    coreEnv: SERVICE_ENV,
  })
  const core = stack.cores[0]!
  const network = await startTcpProxy(t, core.url)
  const gateway = await stack.addGateway({ ...SERVICE_ENV, CORE_URLS: network.url })
  const platform = stack.client({ 'IM-API-KEY': stack.keys.platformKey }, gateway.url)
  const tokens: string[] = []
  for (let n = 0; n < USERS; n++) {
    const made = await platform.ok('POST', '/admin/clients', { _id: `user-${n}`, issueAccessToken: true })
    tokens.push(String(made.token))
  }
  await platform.ok('POST', '/rooms', { _id: ROOM, members: tokens.map((_, n) => `user-${n}`) })

  const gauged = await Promise.all(
    [['gateway', gateway] as const, ['core', core] as const].map(async ([name, service]) => {
      const gauge = await openGauge(service)
      t.teardown(gauge.close)
      return { name, gauge, readings: [await gauge.read()] }
    }),
  )
  const readAll = () =>
    Promise.all(gauged.map(async ({ gauge, readings }) => void readings.push(await gauge.read())))

  const random = createRandom(seed)
  const { visitors, thinkMs } = options
  const { clientKey } = stack.keys
  const churn = startChurn({ url: gateway.url, clientKey, tokens, room: ROOM, random, visitors, thinkMs })
  let cuts = 0
  const cutting = setInterval(() => {
    network.cut()
    cuts++
  }, cutEveryMs)
  const untilMs = performance.now() + durationMs
  while (performance.now() < untilMs) {
    await wait(readEveryMs)
    await readAll()
    tell(gauged.map(({ name, readings }) => `${name}: ${shown(readings.at(-1)!)}`).join('   '))
  }
  clearInterval(cutting)
  await churn.stop()
  tell('the churn is over')

  const held = await Promise.all(
    gauged.map(async ({ name, gauge, readings }) => {
      const before = readings[0]!
      let rest = await gauge.read()
      const isAtRest = async () => {
        rest = await gauge.read()
        return judgeRest(before, rest).every(({ flat }) => flat)
      }
      await eventually('what was opened is closed', isAtRest, options.restWithinMs).catch(() => {})
      return { name, readings, rest }
    }),
  )
  return { counts: churn.counts, cuts, held }
}

/** @param grows Whether the run was long enough to judge growth. */
export function judge({ held }: SoakReport, grows: boolean): Verdict[] {
  return held.flatMap(({ name, readings, rest }) =>
    [...(grows ? judgeGrowth(readings) : []), ...judgeRest(readings[0]!, rest)].map((verdict) => ({
      ...verdict,
      what: `${name}: ${verdict.what}`,
    })),
  )
}

const MEBIBYTE = 1_048_576

export const shown = ({ residentBytes, heapBytes, resources, descriptors }: Reading): string =>
  `${(residentBytes / MEBIBYTE).toFixed(0)} MiB resident, ${(heapBytes / MEBIBYTE).toFixed(2)} MiB heap, ${resources} resources, ${descriptors} descriptors`
