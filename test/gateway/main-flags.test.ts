import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

t.test('this Node knows all the flags of V8 that the gateway sets', async (t) => {
  const main = await readFile(join(import.meta.dirname, '../../gateway/main.ts'), 'utf8')
  const names = [...main.matchAll(/setFlagsFromString\('--(?:no-)?([a-z-]+)(?:=\d+)?'\)/g)].map(
    ([, name = '']) => name,
  )
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  t.ok(names.length > 0)
  // Of one that it does not know V8 only says so on stderr.
  for (const name of names) t.match(known, new RegExp(`^  --${name} \\(`, 'm'), name)
})
