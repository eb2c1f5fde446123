import t from 'tap'
import { runChaos } from './chaos.ts'
import { FAULTS } from './faults.ts'
import { summarise } from './summary.ts'

// The same by hand, longer and with longer faults: npm run chaos -- --minutes 60 --seed 42

const SEED = 42
/** For a machine that does much else. */
const TIMEOUT_MS = 170_000

t.setTimeout(TIMEOUT_MS)
t.test(
  'what is promised holds while everything fails, one after the other',
  {
    timeout: TIMEOUT_MS,
  },
  async (t) => {
    const told: string[] = []
    const startedAtMs = Date.now()
    const report = await runChaos(t, {
      seed: SEED,
      durationMs: 30_000,
      faults: FAULTS.length,
      users: 5,
      faultMs: { least: 200, most: 700 },
      pauseMs: { least: 20, most: 100 },
      pairShare: 0.6,
      thinkMs: { least: 50, most: 400 },
      timeoutMs: 4_000,
      quietMs: 15_000,
      webhooksWithinMs: 30_000,
      tell: (line) => told.push(`${Date.now() - startedAtMs} ms: ${line}`),
    })
    t.same(report.violations, [], [`seed ${SEED}`, ...told, summarise(report)].join('\n'))
    t.ok(report.struck.length > 0, 'something was struck')
    t.ok(
      report.history.operations.some(({ kind, outcome }) => kind === 'send' && outcome === 'acknowledged'),
      'something was said',
    )
    t.comment([...told, summarise(report)].join('\n'))
  },
)
