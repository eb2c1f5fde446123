import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

export type Request = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body?: string }

export type LoadOrder = {
  url: string
  connections: number
  seconds: number
  /** Sent in turn. */
  requests: readonly Request[]
  /** Every answer is to be a refusal. */
  isRefused?: boolean
}

/** `rate`: requests per second, however slow the answers. */
export type PacedOrder = LoadOrder & { rate: number }

export type SocketOrder = {
  url: string
  connections: number
  seconds: number
  /** `echo`: each connection sends and awaits its message back. `fan-out`: one sends, all receive. */
  kind: 'echo' | 'fan-out' | 'idle'
  /** Of the upgrade request, connection by connection. */
  headers: readonly Record<string, string>[]
  /** Connection by connection. */
  messages: readonly string[]
}

export type LoadFigures = {
  requests: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** Answers that are not what the order expects. */
  failures: number
}

const programOf = (name: string): string => join(import.meta.dirname, 'processes', name)

/** As many requests as it takes. */
export async function saturate(order: LoadOrder, words: readonly string[]): Promise<LoadFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-wrk-'))
  try {
    const script = join(directory, 'load.lua')
    await writeFile(script, luaOf(order))
    const options = ['-t1', `-c${order.connections}`, `-d${order.seconds}s`, '-s', script, order.url]
    const output = await outputOf([...words, 'wrk', ...options], '')
    return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1))
  } finally {
    await rm(directory, { recursive: true })
  }
}

export const pace = async (order: PacedOrder, words: readonly string[]): Promise<LoadFigures> =>
  JSON.parse(await outputOf([...words, process.execPath, programOf('paced-load.ts')], JSON.stringify(order)))

/** All at once, each on a connection of its own. */
export const herd = async (order: LoadOrder, words: readonly string[]): Promise<LoadFigures> =>
  JSON.parse(await outputOf([...words, process.execPath, programOf('herd.ts')], JSON.stringify(order)))

/** Opens the sockets, lets `atReady` look at what they cost, and then makes them speak. */
export async function useSockets(
  order: SocketOrder,
  words: readonly string[],
  atReady: () => Promise<void> | void,
): Promise<LoadFigures> {
  const [command = '', ...args] = [...words, process.execPath, programOf('socket-load.ts')]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const ended = once(child, 'exit')
  child.stdin.write(`${JSON.stringify(order)}\n`)
  for await (const line of lines) {
    if (line !== 'ready') {
      await ended
      return JSON.parse(line)
    }
    await atReady()
    child.stdin.write('go\n')
  }
  throw new Error('the sockets could not be opened')
}

async function outputOf(words: readonly string[], input: string): Promise<string> {
  const [command = '', ...args] = words
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  return text(child.stdout)
}

/** wrk cannot rotate headers by itself; the requests are written out once, so that a turn costs a table look-up. */
function luaOf({ requests, isRefused = false }: LoadOrder): string {
  // Large bodies are repeated there, not here.
  const bodies = [...new Set(requests.map(({ body }) => body))]
  const calls = requests.map(({ method, path, headers, body }) => {
    const fields = Object.entries(headers).map(([name, value]) => `[${quote(name)}]=${quote(value)}`)
    const sent = body === undefined ? 'nil' : `bodies[${bodies.indexOf(body) + 1}]`
    return `texts[#texts+1] = wrk.format(${quote(method)}, ${quote(path)}, {${fields.join(',')}}, ${sent})`
  })
  return `
local bodies = { ${bodies.map((body) => quote(body ?? '')).join(', ')} }
local texts, at = {}, 0
function init()
${chunked(calls, 500)
  .map((some) => `  do (function()\n${some.join('\n')}\n  end)() end`)
  .join('\n')}
end
function request()
  at = at % #texts + 1
  return texts[at]
end
function done(summary, latency)
  local errors = summary.errors
  local wrong = ${isRefused ? 'summary.requests - errors.status' : 'errors.status'}
  io.write(string.format('\\n{"requests":%d,"requestsPerSecond":%.1f,"p50Ms":%.3f,"p99Ms":%.3f,"failures":%d}\\n',
    summary.requests, summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + wrong + errors.timeout))
end
`
}

/** A Lua function holds a limited number of constants. */
function chunked<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  )
}

const quote = (value: string): string => JSON.stringify(value)
