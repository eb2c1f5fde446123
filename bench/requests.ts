import type { BenchCredentials } from './credentials.ts'
import type { Request, SocketOrder } from './load.ts'
import type { Target } from './scenario.ts'

export const TOKENS = 1_000
const MESSAGE = `42["message",${JSON.stringify({ roomId: 'room', message: 'x'.repeat(150) })}]`

export type Shape = {
  method?: 'GET' | 'POST'
  path?: string
  body?: string
  headers?: Record<string, string>
  tokens?: readonly string[]
}

/** One request a token; all of them, where none are named. */
export function requestsTo({ credentials }: Target, shape: Shape = {}): Request[] {
  const { method = 'GET', path = '/rooms', body, tokens = credentials.tokens(TOKENS) } = shape
  return tokens.map((token) => {
    const headers = { ...headersOf(credentials, token), ...shape.headers }
    if (body === undefined) return { method, path, headers }
    return { method, path, headers: { ...headers, 'Content-Type': 'application/json' }, body }
  })
}

export function socketOrder(
  { url, credentials }: Target,
  kind: SocketOrder['kind'],
  connections: number,
  messages: readonly string[] = [MESSAGE],
): SocketOrder {
  const headers = credentials.tokens(TOKENS).map((token) => headersOf(credentials, token))
  return { url, connections, kind, headers, messages }
}

/** The `auth` event of each token. */
export const exchanges = ({ credentials }: Target, count: number): string[] =>
  credentials
    .tokens(count)
    .map((token) => `42["auth",${JSON.stringify(token)},{"IM-Client-Key":"${credentials.keys.clientKey}"}]`)

const headersOf = ({ keys }: BenchCredentials, token: string): Record<string, string> => ({
  'IM-Client-Key': keys.clientKey,
  'IM-Authorization': token,
})
