import { parseArgs } from 'node:util'
import { addToCorpus, fuzz, targets } from './fuzz.ts'

// `npm run fuzz -- <target> --seconds N [--seed S]`; without a target all of them, each for that long. What is found
// is added to the corpus.

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
})
const names = targets.map(({ name }) => name)
const [wanted] = positionals
const seconds = Number(values.seconds)
if ((wanted !== undefined && !names.includes(wanted)) || !(seconds > 0)) {
  console.error(`usage: npm run fuzz -- [${names.join(' | ')}] [--seconds N] [--seed S]`)
  process.exit(2)
}

for (const target of targets) {
  if (wanted !== undefined && target.name !== wanted) continue
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
  const { runs, finding } = await fuzz(target, seconds, seed)
  await target.close?.()
  console.log(`${target.name.padEnd(16)} ${String(runs).padStart(9)} inputs from seed ${seed}`)
  if (finding === undefined) continue
  process.exitCode = 1
  console.log(`  FOUND with seed ${finding.seed}: ${finding.error}\n  ${JSON.stringify(finding.input)}`)
  await addToCorpus(target.name, finding.input)
}
