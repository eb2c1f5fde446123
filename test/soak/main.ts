import { parseArgs } from 'node:util'
import { judge, runSoak } from './soak.ts'

// `npm run soak -- --minutes 60`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    visitors: { type: 'string', default: '8' },
  },
})
const [minutes, seed, visitors] = [values.minutes, values.seed, values.visitors].map(Number)
if (!(minutes! > 0 && Number.isInteger(seed) && visitors! >= 1))
  throw new Error('usage: --minutes <above 0> --seed <whole number> --visitors <1 or more>')

/** Before this, caches still fill. */
const GROWTH_FROM_MINUTES = 10

const endings: (() => unknown)[] = []
const startedAtMs = performance.now()
const tell = (line: string) =>
  console.log(`${((performance.now() - startedAtMs) / 1_000).toFixed(0).padStart(6)} s  ${line}`)

console.log(`seed ${seed}, ${minutes} minutes, ${visitors} visitors at once`)
try {
  const report = await runSoak(
    { teardown: (end) => endings.unshift(end) },
    {
      seed: seed!,
      durationMs: minutes! * 60_000,
      visitors: visitors!,
      thinkMs: { least: 100, most: 800 },
      readEveryMs: 15_000,
      cutEveryMs: 7_000,
      database: 'postgres',
      restWithinMs: 120_000,
      tell,
    },
  )
  const grows = minutes! >= GROWTH_FROM_MINUTES
  const verdicts = judge(report, grows)
  console.log(
    `${Object.entries(report.counts)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')}, cuts ${report.cuts}`,
  )
  for (const { what, flat, detail } of verdicts)
    console.log(`${flat ? 'flat' : 'NOT FLAT'}  ${what.padEnd(26)} ${detail}`)
  if (!grows) console.log(`growth is judged from ${GROWTH_FROM_MINUTES} minutes on`)
  process.exitCode = verdicts.every(({ flat }) => flat) ? 0 : 1
} finally {
  for (const end of endings) await end()
}
