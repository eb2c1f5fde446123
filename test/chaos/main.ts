import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'
import { DATABASES } from './stand.ts'
import { summarise } from './summary.ts'

// `npm run chaos -- --minutes 60 --seed 7 --history history.json`; the embedded database: `--database embedded`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    users: { type: 'string', default: '10' },
    database: { type: 'string', default: 'postgres' },
    history: { type: 'string' },
  },
})
const [minutes, seed, users] = [values.minutes, values.seed, values.users].map(Number)
const database = DATABASES.find((name) => name === values.database)
if (!(minutes! > 0 && Number.isInteger(seed) && users! >= 3) || database === undefined)
  throw new Error(
    'usage: --minutes <above 0> --seed <whole number> --users <3 or more> [--database embedded] [--history <file>]',
  )

const endings: (() => unknown)[] = []
const scope = { teardown: (end: () => unknown) => endings.unshift(end) }
const startedAtMs = Date.now()
const tell = (line: string) =>
  console.log(`${((Date.now() - startedAtMs) / 1_000).toFixed(1).padStart(8)} s  ${line}`)

console.log(`seed ${seed}, ${minutes} minutes, ${users} users, ${database}`)
try {
  const report = await runChaos(scope, {
    seed: seed!,
    database,
    durationMs: minutes! * 60_000,
    users: users!,
    faultMs: { least: 6_000, most: 30_000 },
    calmMs: { least: 1_000, most: 10_000 },
    pairShare: 0.3,
    thinkMs: { least: 50, most: 600 },
    timeoutMs: 10_000,
    quietMs: 120_000,
    webhooksWithinMs: 60_000,
    tell,
  })
  console.log(summarise(report))
  if (values.history !== undefined) await writeFile(values.history, JSON.stringify(report.history))
  process.exitCode = report.violations.length > 0 ? 1 : 0
} finally {
  for (const end of endings) await end()
}
