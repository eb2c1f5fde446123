import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** What a helper needs of a tap test: somewhere to leave its teardown. */
export type Scope = { teardown(end: () => unknown): unknown }

export type GuardedProcess = {
  /** Process id of the command itself, not of its guard. */
  pid: number
  /** Everything written to stdout and stderr so far. */
  output(): string
  /** Resolves with the first line for which `match` is not undefined; rejects if the process ends before. */
  waitForLine<T>(match: (line: string) => T | undefined, timeoutMs?: number): Promise<T>
  signal(name: NodeJS.Signals): void
  /** The exit code, once the process has ended. */
  ended: Promise<number>
  stop(): Promise<void>
}

export type GuardedOptions = {
  env?: NodeJS.ProcessEnv
  cwd?: string
  user?: { uid: number; gid: number } | undefined
  /** Sent on stop, and when the test process dies. */
  stopSignal?: 'TERM' | 'INT' | 'QUIT' | 'KILL'
  /** A temporary directory that goes with the process. */
  removeDirectory?: string
}

// The guard holds the read end of a pipe whose write end only the test process has: however that process ends,
// SIGKILL included, the kernel closes the pipe and the guard ends the command. It sits in a session of its own, so
// that a Ctrl-C meant for the test run does not take it first.
const GUARD = `
stop=$1; directory=$2; shift 2
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
child=$!
echo $child >&3
exec 3>&-
{
  cat >/dev/null
  kill -$stop $child; kill -CONT $child
  tries=0
  while kill -0 $child && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL $child
} <&4 >/dev/null 2>&1 &
guard=$!
exec 4<&- >/dev/null 2>&1
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
kill $guard 2>/dev/null
if [ -n "$directory" ]; then until rm -rf "$directory"; do sleep 0.1; done; fi
exit $code
`

/** Starts a process that cannot outlive this one. It does not keep this one alive either. */
export async function startGuarded(
  command: string,
  args: readonly string[],
  options: GuardedOptions = {},
): Promise<GuardedProcess> {
  const guard = spawn(
    '/bin/sh',
    ['-c', GUARD, 'guard', options.stopSignal ?? 'TERM', options.removeDirectory ?? '', command, ...args],
    {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
      ...(options.env && { env: options.env }),
      ...(options.cwd && { cwd: options.cwd }),
      ...options.user,
    },
  )
  const ended = new Promise<number>((resolve) => {
    guard.once('exit', (code) => resolve(code ?? 1))
    guard.once('error', () => resolve(127))
  })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [guard.stdout, guard.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const listener of listeners) listener()
    })
  }
  const pid = await readPid(guard)
  unref(guard)

  return {
    pid,
    ended,
    output: () => output,
    signal: (name) => {
      process.kill(pid, name)
    },
    async stop() {
      guard.ref()
      guard.stdin?.end()
      await ended
    },
    async waitForLine(match, timeoutMs = 30_000) {
      // Held while someone waits: an unreferenced child alone would let the event loop run dry.
      const { promise, resolve, reject } = Promise.withResolvers<NonNullable<ReturnType<typeof match>>>()
      const fail = (reason: string) => reject(new Error(`${command} ${reason}\n${output}`))
      const timer = setTimeout(() => fail(`printed no such line in ${timeoutMs} ms`), timeoutMs)
      const look = () => {
        for (const line of output.split('\n').slice(0, -1)) {
          const found = match(line)
          if (found !== undefined && found !== null) return resolve(found)
        }
      }
      void ended.then((code) => setImmediate(() => fail(`ended with ${code}`)))
      listeners.add(look)
      look()
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        listeners.delete(look)
      }
    },
  }
}

async function readPid(guard: ChildProcess): Promise<number> {
  const stream = guard.stdio[3] as Readable
  const failure = once(guard, 'error').then(([error]) => Promise.reject(error))
  let text = ''
  const read = async () => {
    for await (const chunk of stream) text += String(chunk)
    return Number(text)
  }
  return Promise.race([read(), failure])
}

function unref(child: ChildProcess): void {
  child.unref()
  for (const stream of child.stdio) if (stream instanceof Socket) stream.unref()
}
