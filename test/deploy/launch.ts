import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const LAUNCHER = fileURLToPath(new URL('../../deploy/embedded/main.ts', import.meta.url))
/** Shared by all starts, most of whose time would go into reading the sources anew. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url))
const FREE_PORTS = {
  GATEWAY_PORT: '0',
  GATEWAY_ADMIN_PORT: '0',
  CORE_PORT: '0',
  CORE_INTERNAL_PORT: '0',
  CORE_ADMIN_PORT: '0',
}

export type DemoJson = Record<
  'gatewayUrl' | 'gatewayAdminUrl' | 'coreAdminUrl' | 'clientKey' | 'platformKey',
  string
>

export type Launched = {
  process: ChildProcess
  dataDir: string
  stdout: () => string
  stderr: () => string
  /** Resolves with `demo.json` once everything runs; rejects with what was said when it ends instead. */
  running: Promise<DemoJson>
  exited: Promise<number | null>
  /** The process ids of the two services. */
  servicePids(): Promise<number[]>
}

export async function temporaryDirectory(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'embedded-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Starts the whole embedded stack as a user does, on free ports; the test's end stops it. */
export function launch(
  t: Test,
  dataDir: string,
  env: Record<string, string> = {},
  [command, ...words]: readonly [string, ...string[]] = [process.execPath, LAUNCHER],
): Launched {
  const child = spawn(command, words, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      DATA_DIR: dataDir,
      ...FREE_PORTS,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  const announced = new Promise<void>((resolve) => {
    child.stdout.on('data', () => stdout.includes('Ctrl-C stops both') && resolve())
  })
  const ended = exited.then((code) => {
    throw new Error(`the launcher ended (${code}): ${stdout}${stderr}`)
  })
  const running = Promise.race([announced, ended]).then(async () =>
    JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')),
  )
  running.catch(() => {})
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exited
  })
  return {
    process: child,
    dataDir,
    stdout: () => stdout,
    stderr: () => stderr,
    running,
    exited,
    async servicePids() {
      const listed = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', String(child.pid)])
      return listed.stdout.trim().split(/\s+/).map(Number)
    },
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Resolves when no such process is left. */
export async function gone(pids: number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 25))
}
