import { Agent, request } from 'undici'

/** A JSON object of an answer, before a test has looked at it. */
export type Json = { [key: string]: JsonValue }
export type JsonValue = string | number | boolean | null | undefined | JsonValue[] | Json

export type ApiAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The whole body; {} where it is not a JSON object. */
  body: Json
  RC: JsonValue
  result: Json
  /** `error.code` of the envelope. */
  code: JsonValue
}

export type ApiCall = { headers?: Record<string, string>; rawBody?: string | Buffer }

export type ApiClient = {
  url: string
  headers: Record<string, string>
  call(method: string, path: string, body?: unknown, options?: ApiCall): Promise<ApiAnswer>
  /** The result of a call that must succeed. */
  ok(method: string, path: string, body?: unknown): Promise<Json>
}

// Connections close by themselves soon after the last call, so that no test has to close an agent.
const agent = new Agent({ keepAliveTimeout: 500, keepAliveMaxTimeout: 500 })

export function createApiClient(url: string, headers: Record<string, string>): ApiClient {
  const call: ApiClient['call'] = async (method, path, body, options = {}) => {
    const content = options.rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
    const answer = await request(`${url}${path}`, {
      method: method as 'GET',
      dispatcher: agent,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
        ...options.headers,
      },
      ...(content !== undefined && { body: content }),
    })
    return toAnswer(answer.statusCode, answer.headers, await answer.body.text())
  }
  return {
    url,
    headers,
    call,
    async ok(method, path, body) {
      const answer = await call(method, path, body)
      if (answer.status !== 200)
        throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
      return answer.result
    },
  }
}

function toAnswer(status: number, headers: ApiAnswer['headers'], text: string): ApiAnswer {
  const body = asObject(parse(text))
  return {
    status,
    headers,
    text,
    body,
    RC: body.RC,
    result: asObject(body.result),
    code: asObject(body.error).code,
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A JSON value as an object; {} where it is none. */
export function asObject(value: JsonValue): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

/** The objects of a JSON array, or of a list answer's `data`. */
export function asList(value: JsonValue): Json[] {
  if (Array.isArray(value)) return value.map(asObject)
  const { data } = asObject(value)
  return Array.isArray(data) ? data.map(asObject) : []
}
