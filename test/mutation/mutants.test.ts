import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { edgeMutants } from './edge-mutants.ts'
import { mutants } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')

// `npm run mutate` takes too long for every day: this only says that it can still be run.
for (const { name, file, from, to, tests } of [...mutants, ...edgeMutants])
  t.test(`${name}: what it takes out is there, once, and so are its tests`, async (t) => {
    t.equal((await readFile(join(ROOT, file), 'utf8')).split(from).length, 2)
    t.not(from, to)
    t.ok(tests.length > 0)
    for (const test of tests) t.match(await readFile(join(ROOT, test), 'utf8'), /\bt\.test\(/)
  })
