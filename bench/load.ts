import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type GuardedProcess, startGuarded } from '../test/support/child-process.ts'
import { wrkScript } from './wrk-script.ts'

export type Request = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body?: string }

export type LoadOrder = {
  url: string
  connections: number
  /** Sent in turn. */
  requests: readonly Request[]
  /** Sent in leads, where a request may count but once. */
  leadRequests?: readonly Request[]
  /** Every answer is to be a refusal. */
  isRefused?: boolean
}

/** `rate`: requests per second, however slow the answers. */
export type PacedOrder = LoadOrder & { rate: number }

export type SocketOrder = {
  url: string
  connections: number
  /** `echo`: each connection sends and awaits its message back. `fan-out`: one sends, all receive. */
  kind: 'echo' | 'fan-out' | 'idle'
  /** Of the upgrade request, connection by connection. */
  headers: readonly Record<string, string>[]
  /** Connection by connection. */
  messages: readonly string[]
}

export type LoadFigures = {
  requests: number
  /** While it was on. */
  requestsPerSecond: number
  /** Answers that are not what the order expects. */
  failures: number
  p50Ms?: number
  p99Ms?: number
}

/** Traffic that is on for a turn, and off until the next. */
export type Load = {
  /** The same, just before a turn, and counted nowhere. */
  lead(ms: number): Promise<void>
  turn(ms: number): Promise<void>
  end(): Promise<LoadFigures>
}

/** As many requests as it takes. */
export async function saturate(order: LoadOrder, words: readonly string[]): Promise<Load> {
  const { leadRequests = order.requests } = order
  const counted = await useWrk(order, words)
  const leading = await useWrk({ ...order, requests: leadRequests }, words)
  return {
    lead: (ms) => leading.turn(ms),
    turn: (ms) => counted.turn(ms),
    async end() {
      await leading.end()
      return counted.end()
    },
  }
}

/** Stopped between its turns, so that connections and answers wait in the kernel. */
async function useWrk(order: LoadOrder, words: readonly string[]): Promise<Pick<Load, 'turn' | 'end'>> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-wrk-'))
  const [script, answer] = [join(directory, 'load.lua'), join(directory, 'figures.json')]
  await writeFile(script, wrkScript(order, answer))
  // Its answers may wait for all the others' turns, and it lasts until it is told to end.
  const options = ['-t1', `-c${order.connections}`, '-d1h', '--timeout', '30s', '-s', script, order.url]
  const [command = '', ...args] = [...words, 'wrk', ...options]
  let wrk: GuardedProcess | undefined
  let onMs = 0
  return {
    async turn(ms) {
      if (wrk !== undefined) wrk.signal('SIGCONT')
      else {
        wrk = await startGuarded(command, args)
        await wrk.waitForLine((line) => (line === 'ready' ? true : undefined))
      }
      const sinceMs = performance.now()
      await delay(ms)
      wrk.signal('SIGSTOP')
      onMs += performance.now() - sinceMs
    },
    async end() {
      try {
        if (wrk === undefined) return { requests: 0, requestsPerSecond: 0, failures: 0 }
        await interrupt(wrk)
        const figures = JSON.parse(await readFile(answer, 'utf8'))
        return { ...figures, requestsPerSecond: (figures.requests / onMs) * 1_000 }
      } finally {
        await rm(directory, { recursive: true })
      }
    },
  }
}

/** wrk looks so often whether it is to end. */
const WRK_LOOKS_MS = 100

/**
 * Ends it before it sends any more. The signal may reach a thread of its that only stops sending, while the one that
 * reports sleeps on: so it is sent until it has worked.
 */
async function interrupt(wrk: GuardedProcess): Promise<void> {
  await delay(WRK_LOOKS_MS)
  let hasEnded = false
  const ended = wrk.ended.then(() => {
    hasEnded = true
  })
  while (!hasEnded) {
    try {
      wrk.signal('SIGINT')
      wrk.signal('SIGCONT')
    } catch {
      // It has just ended.
    }
    await Promise.race([ended, delay(WRK_LOOKS_MS)])
  }
}

export const pace = (order: PacedOrder, words: readonly string[]): Promise<Load> =>
  generate('paced-load.ts', order, words)

/** All connections at once with the one request, turn by turn, however long that takes. */
export const herd = (order: LoadOrder, words: readonly string[]): Promise<Load> =>
  generate('herd.ts', order, words)

export const useSockets = (order: SocketOrder, words: readonly string[]): Promise<Load> =>
  generate('socket-load.ts', order, words)

/** A program of `processes/` that speaks as `processes/generator.ts` says; ready when this resolves. */
async function generate(program: string, order: unknown, words: readonly string[]): Promise<Load> {
  const path = join(import.meta.dirname, 'processes', program)
  const [command = '', ...args] = [...words, process.execPath, path]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  // Its end shows in its output.
  child.stdin.on('error', () => {})
  const answerTo = async (line: string): Promise<string> => {
    child.stdin.write(`${line}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`${program} ended`)
    return value
  }
  await answerTo(JSON.stringify(order))
  return {
    async lead(ms) {
      await answerTo(`lead ${ms}`)
    },
    async turn(ms) {
      await answerTo(`turn ${ms}`)
    },
    end: async () => JSON.parse(await answerTo('end')),
  }
}
