import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export type LoadOrder = {
  url: string
  connections: number
  seconds: number
  /** Sent in turn. */
  requests: { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body?: string }[]
  /** Requests per second, however slow the answers; absent = as many as it takes. */
  rate?: number
}

export type LoadFigures = {
  requests: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** Anything but a 2xx or 3xx answer. */
  failures: number
}

/** One stretch of load, in a process of its own behind `words`: a `taskset`. */
export type Load = (order: LoadOrder, words: readonly string[]) => Promise<LoadFigures>

const AUTOCANNON = join(import.meta.dirname, 'processes/autocannon.ts')

/** Portable, and the one that keeps a rate; shares its processor with the upstream at five times wrk's cost. */
export const autocannonLoad: Load = async (order, words) => {
  // It builds every request anew for every connection before it starts, so that many delay the first answers.
  const few = { ...order, requests: order.requests.slice(0, 100) }
  return JSON.parse(await outputOf([...words, process.execPath, AUTOCANNON], JSON.stringify(few)))
}

export const wrkLoad: Load = async (order, words) => {
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

export function chooseLoad(order: LoadOrder): Load {
  return order.rate === undefined && hasWrk() ? wrkLoad : autocannonLoad
}

let wrkThere: boolean | undefined
function hasWrk(): boolean {
  wrkThere ??= spawnSync('wrk', ['-v']).error === undefined
  return wrkThere
}

async function outputOf(words: readonly string[], input: string): Promise<string> {
  const [command = '', ...args] = words
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  return text(child.stdout)
}

/** wrk cannot rotate headers by itself; the requests are written out once, so that a turn costs a table look-up. */
function luaOf({ requests }: LoadOrder): string {
  const calls = requests.map(({ method, path, headers, body }) => {
    const fields = Object.entries(headers).map(([name, value]) => `[${quote(name)}]=${quote(value)}`)
    return `texts[#texts+1] = wrk.format(${quote(method)}, ${quote(path)}, {${fields.join(',')}}, ${body ? quote(body) : 'nil'})`
  })
  return `
local texts, at = {}, 0
function init()
${calls.join('\n')}
end
function request()
  at = at % #texts + 1
  return texts[at]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"requestsPerSecond":%.1f,"p50Ms":%.3f,"p99Ms":%.3f,"failures":%d}\\n',
    summary.requests, summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`
}

const quote = (value: string): string => JSON.stringify(value)
