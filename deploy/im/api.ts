/** The two ways in: the operators' API on a core's admin port, and a customer's platform key through a gateway. */
import { type Call, FailedError, type Option, UsageError } from './command.ts'
import { codeOf, readSecretFile, secretOf } from './secrets.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
export type Fields = Record<string, unknown>

export type Api = {
  /** @throws FailedError with a line that says what to do */
  call(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Fields>
}

export const OPERATOR_OPTIONS: Record<string, Option> = {
  'admin-url': { value: 'url', says: 'a core’s admin port (CORE_ADMIN_URL; http://127.0.0.1:8092)' },
  'admin-token-file': { value: 'file', says: 'what the operators’ API asks for (or CORE_ADMIN_TOKEN)' },
}

export const PLATFORM_OPTIONS: Record<string, Option> = {
  gateway: { value: 'url', says: 'a gateway (GATEWAY_URL; http://127.0.0.1:8080)' },
  'platform-key-file': { value: 'file', says: 'holds the platform key (or PLATFORM_KEY, or you are asked)' },
}

const TIMEOUT_MS = 30_000

export async function operatorApi(call: Call): Promise<Api> {
  const { env } = call.terminal
  const url = urlOf(call.text('admin-url') ?? env.CORE_ADMIN_URL, 'http://127.0.0.1:8092')
  const path = call.text('admin-token-file')
  const token = path === undefined ? env.CORE_ADMIN_TOKEN?.trim() : await readSecretFile(call, path)
  const authorisation: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  return {
    call: (method, path, body) =>
      request(
        { method, url: `${url}${path}`, headers: authorisation, body },
        {
          unreachable: `no core answers at ${url}: is it running? (--admin-url or CORE_ADMIN_URL)`,
          401: 'the admin token is missing or wrong: set CORE_ADMIN_TOKEN, or --admin-token-file <file>',
          403: 'without CORE_ADMIN_TOKEN the core answers its own machine alone: run this there, or set one',
        },
      ),
  }
}

export function gatewayUrl(call: Call): string {
  return urlOf(call.text('gateway') ?? call.terminal.env.GATEWAY_URL, 'http://127.0.0.1:8080')
}

export async function platformApi(call: Call): Promise<Api> {
  const url = gatewayUrl(call)
  const key = await secretOf(call, 'platform-key-file', 'PLATFORM_KEY', 'The platform key')
  if (!/^[\x21-\x7e]+$/.test(key)) throw new FailedError('the platform key has characters that no key has')
  return {
    async call(method, path, body, headers = {}) {
      const answer = await request(
        { method, url: `${url}${path}`, headers: { 'im-api-key': key, ...headers }, body },
        {
          unreachable: `no gateway answers at ${url}: is it running? (--gateway or GATEWAY_URL)`,
          401: 'the gateway does not know this platform key, or it has expired or was revoked (--platform-key-file or PLATFORM_KEY)',
        },
      )
      return fieldsOf(answer.result)
    },
  }
}

type Request = { method: Method; url: string; headers: Record<string, string>; body: unknown }
/** Instead of the server's words, by status. */
type Hints = { unreachable: string; 401: string; 403?: string }

async function request({ method, url, headers, body }: Request, hints: Hints): Promise<Fields> {
  let status: number
  let answer: Fields
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    status = response.status
    answer = fieldsOf(parse(await response.text()))
  } catch (cause) {
    throw new FailedError(`${hints.unreachable} (${codeOf(cause)})`, { cause })
  }
  if (status >= 200 && status < 300) return answer
  const { code, message } = fieldsOf(answer.error)
  if (status === 401) throw new FailedError(hints[401])
  if (status === 403 && hints[403] !== undefined) throw new FailedError(hints[403])
  throw new FailedError(
    `${message ?? `${new URL(url).origin} answered ${status}`}${code ? ` (${code})` : ''}`,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {}

export const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : [])

export function urlOf(given: string | undefined, usual: string): string {
  const text = given?.trim() || usual
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`"${text}" is not a URL that begins with http:// or https://`)
  return text.replace(/\/+$/, '')
}
