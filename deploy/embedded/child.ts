import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Environment } from './config.ts'
import { StartError } from './start-error.ts'

export type ChildUrls = { publicUrl: string; adminUrl: string; internalUrl: string | undefined }

export type Child = {
  /** Where it listens; rejects with a StartError when it ends or stays silent instead. */
  ready: Promise<ChildUrls>
  /** Resolves when the process is gone, with one line on how. */
  ended: Promise<string>
  /** Asks it to finish its work, and kills it when it takes too long. */
  stop(): Promise<void>
  kill(): void
}

export type ChildOptions = {
  name: string
  /** The service's `main.ts`. */
  script: URL
  env: Environment
  /** A file that gets the log of this run, or the terminal. */
  log: string | NodeJS.WritableStream
}

const READY_WITHIN_MS = 120_000
const STOP_WITHIN_MS = 10_000

/** Runs one of the two services as a child process, configured by its environment alone. */
export function createChild({ name, script, env, log }: ChildOptions): Child {
  // In a process group of its own: a Ctrl-C in the terminal reaches the launcher alone, which stops in order.
  const child = spawn(
    process.execPath,
    ['--import', new URL('follow-parent.ts', import.meta.url).href, fileURLToPath(script)],
    { env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  )
  const sink = typeof log === 'string' ? openLog(log) : log
  const outputs = [child.stdout, child.stderr].filter((output) => output !== null)
  for (const output of outputs) output.pipe(sink, { end: false })

  const where = typeof log === 'string' ? ` Its log: ${log}` : ''
  let lastWords = ''
  const ended = exitOf(child).then((how) => `The ${name} ended (${how})${lastWords}.${where}`)
  const ready = Promise.withResolvers<ChildUrls>()
  const timer = setTimeout(
    () => ready.reject(new StartError(`The ${name} did not start in ${READY_WITHIN_MS / 1000} s.${where}`)),
    READY_WITHIN_MS,
  )
  ready.promise.catch(() => {}).finally(() => clearTimeout(timer))
  void ended.then((line) => ready.reject(new StartError(line)))
  for (const output of outputs) {
    createInterface({ input: output }).on('line', (line) => {
      const { urls, grave } = parseLogLine(line)
      if (urls !== undefined) ready.resolve(urls)
      if (grave !== undefined) lastWords = `: ${grave.replace(/\.$/, '')}`
    })
  }

  return {
    ready: ready.promise,
    ended,
    async stop() {
      if (isOver(child)) return
      // SIGTERM would let the gateway take its time, for clients to move elsewhere; here is no elsewhere.
      child.kill('SIGINT')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
      await ended
      clearTimeout(timer)
    },
    kill: () => {
      child.kill('SIGKILL')
    },
  }
}

/** A full disk costs the log, and nothing else. */
const openLog = (path: string): NodeJS.WritableStream =>
  createWriteStream(path, { flags: 'w', mode: 0o600 }).on('error', () => {})

const isOver = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

async function exitOf(child: ChildProcess): Promise<string> {
  try {
    // `close` and not `exit`: what the process said last has then been read.
    const [code, signal] = await once(child, 'close')
    return signal === null ? `exit code ${code}` : `${signal}`
  } catch (error) {
    return String(error)
  }
}

/** What Node prints around an error's message: the stack, its fields, its own version. */
const NOISE = /^\s+at |^\W*$|^\s+\w+: '|^Node\.js v/

/** A line of a service's log: where it listens, or what went wrong (JSON of level ≥ 50, or plain text). */
function parseLogLine(line: string): { urls?: ChildUrls; grave?: string } {
  try {
    const entry = JSON.parse(line)
    if (
      entry.msg === 'listening' &&
      typeof entry.publicUrl === 'string' &&
      typeof entry.adminUrl === 'string'
    )
      return {
        urls: { publicUrl: entry.publicUrl, adminUrl: entry.adminUrl, internalUrl: entry.internalUrl },
      }
    return entry.level >= 50 && typeof entry.msg === 'string' ? { grave: entry.msg } : {}
  } catch {
    return NOISE.test(line) ? {} : { grave: line.trim().slice(0, 300) }
  }
}
