import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Scope } from './child-process.ts'

const ROOT = join(import.meta.dirname, '../..')
const KEPT = join(ROOT, 'test/fixtures')

/** The sources of the last release that was kept (`npm run release:keep`), where its services can be started. */
export async function unpackEarlierRelease(t: Scope): Promise<{ root: string; name: string }> {
  const kept = (await readdir(KEPT)).filter((name) => /^release-\d+\.\d+\.\d+\.tar\.gz$/.test(name))
  const [name = ''] = kept.sort(byVersion).slice(-1)
  const root = await mkdtemp(join(tmpdir(), 'release-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await promisify(execFile)('tar', ['-xzf', join(KEPT, name), '-C', root])
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  return { root, name }
}

const byVersion = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true })
