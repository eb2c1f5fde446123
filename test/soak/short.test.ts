import t from 'tap'
import { judge, runSoak } from './soak.ts'

// By hand, and long enough to judge memory: npm run soak -- --minutes 60

t.setTimeout(150_000)

t.test('what comes and goes leaves nothing open at gateway and core', async (t) => {
  const report = await runSoak(t, {
    seed: 3,
    durationMs: 8_000,
    visitors: 8,
    thinkMs: { least: 0, most: 50 },
    readEveryMs: 2_000,
    cutEveryMs: 2_500,
    database: 'pglite',
    restWithinMs: 70_000,
  })
  for (const { what, flat, detail } of judge(report, false)) t.ok(flat, `${what}: ${detail}`)
  const { failed: _, ...done } = report.counts
  for (const [what, count] of Object.entries(done)) t.ok(count > 0, `${count} ${what}`)
})
