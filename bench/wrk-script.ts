import type { LoadOrder } from './load.ts'

/** A Lua function holds a limited number of constants. */
const CALLS_PER_FUNCTION = 500

/**
 * For wrk, which cannot rotate headers by itself; the requests are written out once, so that a turn costs a table
 * look-up. Says `ready`, and leaves its figures in a file.
 */
export function wrkScript({ requests, isRefused = false }: LoadOrder, answerFile: string): string {
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
${chunked(calls, CALLS_PER_FUNCTION)
  .map((some) => `  do (function()\n${some.join('\n')}\n  end)() end`)
  .join('\n')}
  print('ready')
  io.flush()
end
function request()
  at = at % #texts + 1
  return texts[at]
end
function done(summary)
  local errors = summary.errors
  local wrong = ${isRefused ? 'summary.requests - errors.status' : 'errors.status'}
  local file = io.open(${quote(answerFile)}, 'w')
  file:write(string.format('{"requests":%d,"failures":%d}', summary.requests,
    errors.connect + errors.read + errors.write + wrong + errors.timeout))
  file:close()
end
`
}

const chunked = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))

const quote = (value: string): string => JSON.stringify(value)
