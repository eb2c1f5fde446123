import t from 'tap'
import { runChaos } from './chaos.ts'
import type { FaultKind } from './faults.ts'
import { summarise } from './summary.ts'

// The same by hand, longer and with longer faults: npm run chaos -- --minutes 60 --seed 42

const SEED = 42
/** Of each part one, each once, two at a time, as far as the time goes. */
const KINDS: readonly FaultKind[] = [
  'kill a gateway',
  'kill a core',
  'pause a core',
  'kill Redis',
  'stop PostgreSQL at once',
  'partition a link',
  "set a gateway's clock wrong",
  'rotate a credential',
]

t.setTimeout(150_000)
t.test('what is promised holds while one part after the other fails', async (t) => {
  const told: string[] = []
  const startedAtMs = Date.now()
  const report = await runChaos(t, {
    seed: SEED,
    durationMs: 20_000,
    triedAtMostMs: 15_000,
    kinds: KINDS,
    once: true,
    users: 5,
    faultMs: { least: 200, most: 700 },
    pauseMs: { least: 20, most: 100 },
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
})
