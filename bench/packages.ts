import { spawnSync } from 'node:child_process'
import type { Rival } from './rival.ts'

/** Installs what Debian has for these rivals, and says of each that cannot run why. */
export function installFor(rivals: readonly Rival[]): Map<Rival, string> {
  const wanted = new Set(['wrk', 'redis-server', ...rivals.flatMap(({ packages = [] }) => packages)])
  const absent = [...wanted].filter((name) => !isInstalled(name))
  if (absent.length > 0) {
    console.error(`installing ${absent.join(', ')}`)
    run('apt-get', ['update'])
    for (const name of absent) run('apt-get', ['install', '-y', '--no-install-recommends', name])
  }
  const missing = new Map<Rival, string>()
  for (const rival of rivals) {
    const name =
      rival.packages?.find((name) => !isInstalled(name)) ?? rival.modules?.find((name) => !isResolved(name))
    if (name !== undefined) missing.set(rival, `the package ${name} cannot be had here`)
  }
  return missing
}

function isInstalled(name: string): boolean {
  const { stdout } = run('dpkg-query', ['--status', name])
  return stdout.includes('Status: install ok installed')
}

function isResolved(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}

const run = (command: string, args: readonly string[]) =>
  spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
