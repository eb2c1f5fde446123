import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { edgeMutants } from './edge-mutants.ts'
import { type Mutant, mutants } from './mutants.ts'

// `npm run mutate [-- part of a name…]`: takes defences out, one at a time, in a copy of the tree, and runs the tests that
// should notice. A mutant that survives is a defence that could be lost without anybody's hearing of it.

const ROOT = join(import.meta.dirname, '../..')
const LEFT_OUT = new Set(['node_modules', '.git', '.data', '.tap'])
const TEST_WITHIN_MS = 150_000

const { positionals: wanted } = parseArgs({ allowPositionals: true })
const chosen = [...mutants, ...edgeMutants].filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
)

const directory = await mkdtemp(join(tmpdir(), 'imkit-mutation-'))
const tree = join(directory, 'tree')
try {
  await cp(ROOT, tree, { recursive: true, filter: (path) => path === ROOT || !LEFT_OUT.has(basename(path)) })
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))]
  const broken: string[] = []
  for (const test of tests) if (!(await passes(test))) broken.push(test)
  if (broken.length > 0)
    throw new Error(`fail without any mutation, so they tell nothing: ${broken.join(', ')}`)
  console.log(`${tests.length} test files pass as they are`)

  let survivors = 0
  for (const mutant of chosen) {
    const killer = await killerOf(mutant)
    if (killer === undefined) survivors++
    console.log(
      `${killer === undefined ? 'SURVIVED' : 'killed  '}  ${mutant.name}  ${killer ?? mutant.tests.join(', ')}`,
    )
  }
  console.log(`${chosen.length - survivors} of ${chosen.length} killed`)
  process.exitCode = survivors > 0 || chosen.length === 0 ? 1 : 0
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** The first test file that notices; undefined = none. */
async function killerOf({ name, file, from, to, tests }: Mutant): Promise<string | undefined> {
  const path = join(tree, file)
  const text = await readFile(path, 'utf8')
  if (text.split(from).length !== 2) throw new Error(`${name}: ${file} does not hold its text exactly once`)
  await writeFile(
    path,
    text.replace(from, () => to),
  )
  try {
    for (const test of tests) if (!(await passes(test))) return test
    return undefined
  } finally {
    await writeFile(path, text)
  }
}

async function passes(test: string): Promise<boolean> {
  const child = spawn(process.execPath, [test], {
    cwd: tree,
    env: { ...process.env, TAP: '1', TAP_BAIL: '1', TAP_TIMEOUT: '60' },
    stdio: 'ignore',
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), TEST_WITHIN_MS)
  const [code] = await once(child, 'exit')
  clearTimeout(timer)
  return code === 0
}
