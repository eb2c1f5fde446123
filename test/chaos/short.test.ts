import t from 'tap'
import { runChaos } from './chaos.ts'
import { summarise } from './summary.ts'

// The same run by hand, longer: npm run chaos -- --minutes 60 --seed 7

const SEED = 7

t.test(
  'what is promised holds while processes, stores, links and credentials fail one after the other',
  async (t) => {
    const told: string[] = []
    const report = await runChaos(t, {
      seed: SEED,
      durationMs: 25_000,
      users: 5,
      faultMs: { least: 300, most: 1_500 },
      pauseMs: { least: 50, most: 300 },
      thinkMs: { least: 50, most: 400 },
      timeoutMs: 4_000,
      quietMs: 15_000,
      tell: (line) => told.push(line),
    })
    t.same(report.violations, [], [`seed ${SEED}`, ...told, summarise(report)].join('\n'))
    t.ok(report.struck.length > 0, 'something was struck')
    t.ok(
      report.history.operations.some(({ kind, outcome }) => kind === 'send' && outcome === 'acknowledged'),
      'something was said',
    )
    t.comment(summarise(report))
  },
)
