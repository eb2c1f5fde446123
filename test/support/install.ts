import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { findPostgresBinaries } from './postgres.ts'

// Runs before the tests: the real servers and tools that they start must be there, or nothing else is worth running.

type Need = { title: string; debianPackage: string; isThere: () => boolean | Promise<boolean> }

const NEEDS: readonly Need[] = [
  { title: 'redis-server', debianPackage: 'redis-server', isThere: () => onPath('redis-server') },
  {
    title: 'PostgreSQL 15 or newer (server)',
    debianPackage: 'postgresql',
    isThere: async () => (await findPostgresBinaries()) !== undefined,
  },
  { title: 'nginx', debianPackage: 'nginx', isThere: () => onPath('nginx') },
  { title: 'chromium', debianPackage: 'chromium', isThere: () => onPath('chromium') },
  { title: 'promtool', debianPackage: 'prometheus', isThere: () => onPath('promtool') },
  { title: 'kubectl', debianPackage: 'kubernetes-client', isThere: () => onPath('kubectl') },
]

/** Debian keeps servers where an ordinary user's path does not look. */
const DIRECTORIES = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin']

function onPath(command: string): boolean {
  return DIRECTORIES.some((directory) => existsSync(join(directory, command)))
}

async function missing(): Promise<Need[]> {
  const there = await Promise.all(NEEDS.map((need) => need.isThere()))
  return NEEDS.filter((_, index) => !there[index])
}

/** The words to put before a command so that it runs as root; undefined = there is no way. */
function asRoot(): string[] | undefined {
  if (process.getuid?.() === 0) return []
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
  return sudo.status === 0 ? ['sudo', '-n'] : undefined
}

function aptGet(prefix: readonly string[], args: readonly string[]): boolean {
  // RUNLEVEL=1 keeps the packages from starting their services: the tests start servers of their own.
  const words = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-q', ...args]
  return spawnSync(words[0]!, words.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}

function giveUp(needs: readonly Need[], reason: string): never {
  const packages = needs.map((need) => need.debianPackage).join(' ')
  const titles = needs.map((need) => need.title).join(', ')
  console.error(`The tests need ${titles}; ${reason}. Install them: apt-get install ${packages}`)
  process.exit(1)
}

const needed = await missing()
if (needed.length > 0) {
  const prefix = asRoot()
  if (prefix === undefined) giveUp(needed, 'this user may not install packages')
  if (!onPath('apt-get')) giveUp(needed, 'there is no apt-get here')
  const packages = needed.map((need) => need.debianPackage)
  // Lists that are out of date still name most packages, so a failed update is not the end.
  if (!aptGet(prefix, ['update']))
    console.error('apt-get update failed; trying with the lists that are there')
  if (!aptGet(prefix, ['install', '-y', '--no-install-recommends', ...packages]))
    giveUp(needed, 'apt-get failed')
  const still = await missing()
  if (still.length > 0) giveUp(still, 'they are not there after the installation')
}
