import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rival } from './rival.ts'

/** Installs what Debian and npm have for these rivals, and says of each that cannot run why. */
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
    const name = rival.packages?.find((name) => !isInstalled(name))
    if (name !== undefined) missing.set(rival, `Debian's package ${name} cannot be had here`)
    else if (rival.module !== undefined && !installModule(rival.module))
      missing.set(rival, `npm's package ${rival.module} cannot be had here`)
  }
  return missing
}

/** Packages of npm that only rivals need, outside of the project. */
export const moduleDirectory = (): string => join(tmpdir(), 'imkit-bench-modules')

function isInstalled(name: string): boolean {
  const { stdout } = run('dpkg-query', ['--status', name])
  return stdout.includes('Status: install ok installed')
}

function installModule(module: string): boolean {
  const directory = moduleDirectory()
  const installed = join(directory, 'node_modules', module.slice(0, module.lastIndexOf('@')))
  if (existsSync(installed)) return true
  console.error(`installing ${module}`)
  mkdirSync(directory, { recursive: true })
  run('npm', ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund', module])
  return existsSync(installed)
}

const run = (command: string, args: readonly string[]) =>
  spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
