/** What `npm test` has of it; by hand, longer and with longer faults: npm run chaos -- --minutes 60 --seed 42 */
import { type ChaosReport, runChaos } from './chaos.ts'
import type { FaultKind } from './faults.ts'
import type { ChaosDatabase } from './stand.ts'
import { summarise } from './summary.ts'

type Test = {
  teardown(end: () => unknown): unknown
  same(found: unknown, wanted: unknown, name: string): unknown
  ok(found: unknown, name: string): unknown
  comment(text: string): unknown
}

const SEED = 42

/** @param kinds Each once, two at a time, as far as the time goes. */
export async function tryShortly(
  t: Test,
  database: ChaosDatabase,
  kinds: readonly FaultKind[],
): Promise<ChaosReport> {
  const told: string[] = []
  const startedAtMs = Date.now()
  const report = await runChaos(t, {
    seed: SEED,
    database,
    durationMs: 20_000,
    kinds,
    once: true,
    users: 5,
    faultMs: { least: 200, most: 1_000 },
    calmMs: { least: 20, most: 100 },
    pairShare: 1,
    thinkMs: { least: 50, most: 400 },
    timeoutMs: 4_000,
    quietMs: 15_000,
    webhooksWithinMs: 20_000,
    tell: (line) => told.push(`${Date.now() - startedAtMs} ms: ${line}`),
  })
  t.same(report.violations, [], [`seed ${SEED}`, ...told, summarise(report)].join('\n'))
  t.ok(report.struck.flatMap(({ kinds }) => kinds).length > 1, 'something was struck')
  t.ok(
    report.history.operations.some(({ kind, outcome }) => kind === 'send' && outcome === 'acknowledged'),
    'something was said',
  )
  t.comment([...told, summarise(report)].join('\n'))
  return report
}
