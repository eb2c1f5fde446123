/** Keeps the sources of the services as they are committed, for the next release to be tested against. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { VERSION } from '#contract/version.ts'

const ROOT = join(import.meta.dirname, '../..')
const directory = join(ROOT, 'test/fixtures')
const tar = execFileSync('git', ['archive', '--format=tar', 'HEAD', 'gateway', 'core', 'package.json'], {
  cwd: ROOT,
  maxBuffer: 2 ** 28,
})
mkdirSync(directory, { recursive: true })
const path = join(directory, `release-${VERSION}.tar.gz`)
writeFileSync(path, gzipSync(tar, { level: 9 }))
process.stdout.write(`${path}\n`)
