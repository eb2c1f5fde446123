import { join } from 'node:path'
import { type GuardedProcess, type Scope, startGuarded } from './child-process.ts'
import { imageCommand } from './image-command.ts'

/** Where this release is. */
export const ROOT = join(import.meta.dirname, '../..')

/** One of the two services as its image starts it: a process, configured by its environment alone. */
export type TestService = {
  url: string
  adminUrl: string
  /** The core's only. */
  internalUrl: string | undefined
  pid: number
  /** All that it has logged. */
  logs(): string
  /** Resolves with the first line of the log that has the text, now or later. */
  logged(text: string): Promise<string>
  signal(name: NodeJS.Signals): void
  ended: Promise<number>
  /** SIGTERM, then SIGKILL after ten seconds. */
  stop(): Promise<void>
}

export type Environment = Readonly<Record<string, string | undefined>>

const START_WITHIN_MS = 120_000

/** `words` go before the command: `taskset -c 0` for a benchmark. `root`: of another release. */
export async function startService(
  t: Scope,
  name: 'gateway' | 'core',
  env: Environment,
  words: readonly string[] = [],
  root: string = ROOT,
): Promise<TestService> {
  const { flags, program } = await imageCommand(name, ROOT)
  const [command = '', ...args] = [...words, process.execPath, ...flags, join(root, program)]
  const child = await startGuarded(command, args, {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
  })
  t.teardown(() => child.stop())
  const { publicUrl, adminUrl, internalUrl } = await child.waitForLine(parseListening, START_WITHIN_MS)
  await untilReady(adminUrl, child)
  return {
    url: publicUrl,
    adminUrl,
    internalUrl,
    pid: child.pid,
    logs: child.output,
    logged: (text) => child.waitForLine((line) => (line.includes(text) ? line : undefined), 10_000),
    signal: child.signal,
    ended: child.ended,
    stop: child.stop,
  }
}

type Listening = { publicUrl: string; adminUrl: string; internalUrl: string | undefined }

function parseListening(line: string): Listening | undefined {
  if (!line.includes('"listening"')) return undefined
  const { publicUrl, adminUrl, internalUrl } = JSON.parse(line)
  return { publicUrl, adminUrl, internalUrl }
}

async function untilReady(adminUrl: string, child: GuardedProcess): Promise<void> {
  const deadline = Date.now() + START_WITHIN_MS
  let ended = false
  void child.ended.then(() => {
    ended = true
  })
  for (;;) {
    const answer = await fetch(`${adminUrl}/readyz`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.status === 200) return
    if (ended || Date.now() > deadline) throw new Error(`${adminUrl} did not become ready\n${child.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
