import { type ChildProcess, spawn } from 'node:child_process'
import { glob, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { type FinalResults, Parser, type Result } from 'tap-parser'

// Runs every test file, or those named as arguments, as a process of its own and reads its TAP: one line per file,
// failures in full, and the sum on a line of its own at the end. Node runs the files as they are, without the
// loaders of tap's own runner, and a file that hangs costs that file alone.

const ROOT = join(import.meta.dirname, '../..')
/** After this tap itself ends the file and says which test was unfinished; a file beyond the second is killed. */
const QUIET_TIMEOUT_S = 150
const FILE_TIMEOUT_S = 300
const JOBS = 2

type Count = { passed: number; failed: number; skipped: number }

const total: Count = { passed: 0, failed: 0, skipped: 0 }

/** Counts what is asserted, not the subtests around it; a subtest that failed by itself counts as one failure. */
function follow(parser: Parser, path: readonly string[], count: Count): void {
  let subtest: { name: string; before: number } | undefined
  parser.on('child', (child: Parser) => {
    subtest = { name: child.name, before: count.failed }
    follow(child, [...path, child.name], count)
  })
  parser.on('assert', (result: Result) => {
    const around = subtest?.name === result.name ? subtest : undefined
    subtest = undefined
    if (result.skip || result.todo) count.skipped++
    else if (!result.ok && (around === undefined || around.before === count.failed)) {
      count.failed++
      printFailure(path, result)
    } else if (around === undefined && result.ok) count.passed++
  })
}

function printFailure(path: readonly string[], result: Result): void {
  console.log(`\nFAILED  ${[...path, result.name].join(' › ')}`)
  const diagnosis: Record<string, unknown> = { ...(result.diag || {}) }
  for (const [key, value] of Object.entries(diagnosis)) {
    const text = typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 8 })
    console.log(text.includes('\n') ? `  ${key}:\n${text.replace(/^/gm, '    ')}` : `  ${key}: ${text}`)
  }
  console.log('')
}

function printFile(name: string, count: Count, ms: number): void {
  const verdict = count.failed > 0 ? 'FAIL' : 'ok  '
  const counts = [`${count.passed} passed`]
  if (count.failed > 0) counts.push(`${count.failed} failed`)
  if (count.skipped > 0) counts.push(`${count.skipped} skipped`)
  console.log(`${verdict} ${(ms / 1_000).toFixed(1).padStart(6)} s  ${name}  ${counts.join(', ')}`)
}

/** Runs one file to its end, reports it, and adds it to the sum. */
async function runFile(file: string): Promise<void> {
  const count: Count = { passed: 0, failed: 0, skipped: 0 }
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    cwd: ROOT,
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: `${QUIET_TIMEOUT_S}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, FILE_TIMEOUT_S * 1_000)

  const parser = new Parser()
  let bailedOut = false
  parser.on('bailout', () => {
    bailedOut = true
  })
  follow(parser, [file], count)
  const parsed = new Promise<FinalResults>((resolve) => {
    parser.once('complete', resolve)
  })
  child.stdout.pipe(parser)
  const code = await new Promise<number | null>((resolve) => {
    child.once('exit', resolve)
    child.once('error', () => resolve(1))
  })
  clearTimeout(timer)
  running.delete(child)
  const results = await parsed

  const nothing = count.passed + count.failed + count.skipped === 0
  if (count.failed === 0 && (code !== 0 || !results.ok || bailedOut || timedOut || nothing)) {
    count.failed++
    const reason = timedOut
      ? `ran longer than ${FILE_TIMEOUT_S} s`
      : nothing && code === 0
        ? 'ran no test'
        : `ended with ${code}`
    console.log(`\nFAILED  ${file}  ${reason}\n`)
  }
  if (count.failed > 0 && errors !== '') console.log(`stderr of ${file}:\n${errors.replace(/^/gm, '  ')}`)
  printFile(file, count, performance.now() - startedAt)
  total.passed += count.passed
  total.failed += count.failed
  total.skipped += count.skipped
}

/** Files as they are, directories searched; nothing named means everything under test/. */
async function findFiles(named: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const path of named.length > 0 ? named : ['test']) {
    const there = await stat(resolve(ROOT, path)).catch(() => undefined)
    if (there?.isDirectory()) {
      for await (const file of glob(`${path}/**/*.test.ts`, { cwd: ROOT })) files.push(file)
    } else if (there) files.push(path)
    else throw new Error(`there is no ${path}`)
  }
  return [...new Set(files)].sort()
}

const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal)
    process.exit(1)
  })
}

const startedAt = performance.now()
const files = await findFiles(process.argv.slice(2))
const waiting = [...files]
const work = async () => {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runFile(file)
}
await Promise.all(Array.from({ length: JOBS }, work))

const nothingRan = total.passed + total.failed === 0
// What is skipped may hide a failure.
const isWhole = total.failed === 0 && total.skipped === 0 && !nothingRan
if (nothingRan) console.log('No test ran.')
console.log(`${files.length} files in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
process.exitCode = isWhole ? 0 : 1
