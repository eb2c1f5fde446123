import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { VERSION } from '#contract/version.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFile(join(ROOT, path), 'utf8')

t.test('the version is the same wherever it stands, and has notes', async (t) => {
  t.equal(JSON.parse(await read('package.json')).version, VERSION)
  t.equal(JSON.parse(await read('package-lock.json')).version, VERSION)
  t.match(await read('docs/upgrading.md'), `### ${VERSION}\n`)
  t.match(await read('CHANGELOG.md'), /^## \[(Unreleased|\d+\.\d+\.\d+)\]/m)
})
