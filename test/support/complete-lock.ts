/**
 * A registry mirror that holds only this platform's binaries makes npm leave the other platforms' optional
 * packages out of package-lock.json, and `npm ci` then refuses the file. This adds them back, by name and version;
 * npm never fetches those of another platform. Run by `npm run lock` after every change of dependencies.
 */
import { readFileSync, writeFileSync } from 'node:fs'

type Entry = {
  version: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const PLATFORM = /-(android|darwin|freebsd|linux|win32)-(arm64|arm|ia32|x64)(-musl)?$/
const path = new URL('../../package-lock.json', import.meta.url)
const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(path, 'utf8'))

for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = PLATFORM.exec(name)
    const at = `node_modules/${name}`
    if (platform === null || lock.packages[at] !== undefined) continue
    const [, os = '', cpu = '', musl] = platform
    lock.packages[at] = {
      version,
      ...(entry.dev && { dev: true }),
      optional: true,
      os: [os],
      cpu: [cpu],
      ...(os === 'linux' && { libc: [musl === undefined ? 'glibc' : 'musl'] }),
    }
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
