/** The errors of endpoints: those of any, of any of its kind, and its own. */
import { Type } from 'typebox'
import { type ErrorCode, errorEntry } from '../../errors.ts'
import { failure } from '../../wire/envelope.ts'
import type { Caller } from '../route.ts'
import { ref } from './answers.ts'

/** What the gateway itself answers; the test compares it with the gateway's own table. */
export const GATEWAY_ERRORS: Readonly<Record<number, readonly string[]>> = {
  400: ['BAD_REQUEST', 'AMBIGUOUS_PATH', 'CONFLICTING_CREDENTIALS'],
  401: ['MISSING_CREDENTIALS', 'INVALID_CLIENT_KEY', 'INVALID_TOKEN', 'MISSING_TOKEN', 'INVALID_API_KEY'],
  403: ['PLATFORM_KEY_FROM_BROWSER', 'SOURCE_NOT_ALLOWED', 'ORIGIN_NOT_ALLOWED'],
  404: ['NOT_FOUND'],
  405: ['METHOD_NOT_ALLOWED'],
  408: ['REQUEST_TIMEOUT'],
  413: ['PAYLOAD_TOO_LARGE'],
  414: ['URI_TOO_LONG'],
  417: ['EXPECTATION_FAILED'],
  426: ['UPGRADE_REQUIRED'],
  429: ['RATE_LIMIT_EXCEEDED', 'TOO_MANY_SOCKETS'],
  431: ['HEADERS_TOO_LARGE'],
  500: ['INTERNAL'],
  502: ['BAD_UPSTREAM'],
  503: ['AUTHENTICATION_UNAVAILABLE', 'NO_UPSTREAM', 'DRAINING'],
  504: ['UPSTREAM_TIMEOUT'],
}

/** Of no endpoint, but of any request. */
const EVERYWHERE: readonly ErrorCode[] = [
  'INVALID_REQUEST',
  'INVALID_QUERY',
  'MISSING_PARAMETER',
  'UNAUTHORIZED',
  'PERMISSION_DENIED',
  'TOO_MANY_REQUESTS',
  'INTERNAL',
  'SHUTTING_DOWN',
  'STORE_UNAVAILABLE',
]
const WITH_A_BODY: readonly ErrorCode[] = ['INVALID_BODY', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']
const OF_ROOMS: readonly ErrorCode[] = ['NOT_ROOM_MEMBER', 'ROOM_NOT_FOUND']
const OF_MESSAGES: readonly ErrorCode[] = ['NOT_ROOM_MEMBER', 'MESSAGE_NOT_FOUND']
const GATEWAY_STATUSES = [400, 401, 403, 408, 429, 500, 502, 503, 504]
const RETRIED = new Set([429, 503])

export type Asked = { path: string; caller: Caller; hasBody: boolean; errors: readonly ErrorCode[] }

export type Failures = {
  /** References by status. */
  of(asked: Asked): Record<string, { $ref: string }>
  /** What they lead to. */
  responses: Record<string, unknown>
}

export function createFailures(): Failures {
  const responses: Record<string, unknown> = {}

  function shared(status: number, codes: readonly ErrorCode[]): { $ref: string } {
    const special = codes.filter((code) => !EVERYWHERE.includes(code))
    const name = [status, ...special].join('.')
    responses[name] ??= response(status, codes)
    return { $ref: `#/components/responses/${name}` }
  }

  function of({ path, caller, hasBody, errors }: Asked) {
    const codes = new Set<ErrorCode>([
      ...EVERYWHERE,
      ...(hasBody ? WITH_A_BODY : []),
      ...(caller === 'user' ? (['ACTING_USER_REQUIRED'] as const) : []),
      ...(/^\/(rooms|roomPrefs|blockStatus\/room)\/:/.test(path) ? OF_ROOMS : []),
      ...(path.startsWith('/messages/:') ? OF_MESSAGES : []),
      ...errors,
    ])
    const statusOf = (code: ErrorCode) => errorEntry(code).status
    const statuses = [...new Set([...GATEWAY_STATUSES, ...[...codes].map(statusOf)])].sort((a, b) => a - b)
    return Object.fromEntries(
      statuses.map((status) => [
        status,
        shared(
          status,
          [...codes].filter((code) => statusOf(code) === status),
        ),
      ]),
    )
  }
  return { of, responses }
}

function response(status: number, own: readonly ErrorCode[]) {
  const codes = [...new Set([...own, ...(GATEWAY_ERRORS[status] ?? [])])]
  const retryAfter = { description: 'Seconds.', schema: Type.Integer() }
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...(RETRIED.has(status) && { headers: { 'Retry-After': retryAfter } }),
    content: {
      'application/json': {
        schema: Type.Intersect([
          ref('Failure'),
          Type.Object({ error: Type.Object({ code: Type.Enum(codes) }) }),
        ]),
        ...(own.length > 0 && {
          examples: Object.fromEntries(own.map((code) => [code, { value: failure(code) }])),
        }),
      },
    },
  }
}
