import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compare } from './comparison.ts'
import type { Result } from './report.ts'

// `npm run bench:compare -- before.json [after.json]`: fails where the gateway's cost grew by more than noise.
// The last run is bench/results/latest.json, those before it are in the history of the repository.

const LATEST = join(import.meta.dirname, 'results/latest.json')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reference: { type: 'string', default: 'nginx + Lua' } },
})
const [beforeFile, afterFile = LATEST] = positionals
if (beforeFile === undefined) {
  console.error('usage: npm run bench:compare -- before.json [after.json] [--reference <rival>]')
  process.exit(2)
}
const read = (file: string): Result => JSON.parse(readFileSync(file, 'utf8'))
const lines = compare(read(beforeFile), read(afterFile), values.reference)
for (const { scenario, key, before, after, noise, verdict } of lines) {
  const growth = `${((after / before - 1) * 100).toFixed(0)} %, noise ${(noise * 100).toFixed(0)} %`
  console.log(`${scenario} ${key}: ${before.toFixed(2)} → ${after.toFixed(2)} (${growth}) ${verdict}`)
}
if (lines.length === 0) console.error('nothing was measured in both')
process.exitCode = lines.length === 0 || lines.some(({ verdict }) => verdict === 'worse') ? 1 : 0
