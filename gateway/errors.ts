/** Every error that the gateway itself answers. The code is also the metric's label and the log's reason. */
const TABLE = {
  BAD_REQUEST: { status: 400, message: 'The request is malformed.', retryable: false },
  AMBIGUOUS_PATH: { status: 400, message: 'The path can be read in more than one way.', retryable: false },
  CONFLICTING_CREDENTIALS: {
    status: 400,
    message: 'One kind of credential was sent more than once with different values.',
    retryable: false,
  },
  MISSING_CREDENTIALS: {
    status: 401,
    message:
      'No credentials. Send IM-Client-Key and IM-Authorization, or IM-API-KEY. (If you sent CLIENT_KEY or API_KEY: a proxy on the way may drop header names with underscores; use the IM- names.)',
    retryable: false,
  },
  INVALID_CLIENT_KEY: {
    status: 401,
    message:
      'The client key is missing or not valid. (If you sent CLIENT_KEY: a proxy on the way may drop header names with underscores; use IM-Client-Key.)',
    retryable: false,
  },
  INVALID_TOKEN: {
    status: 401,
    message: 'The client token is not valid, expired or revoked.',
    retryable: false,
  },
  MISSING_TOKEN: {
    status: 401,
    message: 'A client token is needed: IM-Authorization beside the client key.',
    retryable: false,
  },
  INVALID_API_KEY: { status: 401, message: 'The platform key is not valid.', retryable: false },
  PLATFORM_KEY_FROM_BROWSER: {
    status: 403,
    message: 'Platform keys are for servers; this app does not allow them from browsers.',
    retryable: false,
  },
  SOURCE_NOT_ALLOWED: {
    status: 403,
    message: 'This address may not use the platform key.',
    retryable: false,
  },
  ORIGIN_NOT_ALLOWED: {
    status: 403,
    message: 'This origin may not open a socket of this app.',
    retryable: false,
  },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address.', retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This method is not allowed here.', retryable: false },
  REQUEST_TIMEOUT: { status: 408, message: 'The request took too long to arrive.', retryable: true },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The body is larger than is accepted here.', retryable: false },
  URI_TOO_LONG: { status: 414, message: 'The address is too long.', retryable: false },
  EXPECTATION_FAILED: {
    status: 417,
    message: 'Only the expectation 100-continue is known.',
    retryable: false,
  },
  UPGRADE_REQUIRED: { status: 426, message: 'Only WebSocket version 13 is spoken here.', retryable: false },
  RATE_LIMIT_EXCEEDED: { status: 429, message: 'Too many requests.', retryable: true },
  TOO_MANY_SOCKETS: {
    status: 429,
    message: 'Too many anonymous sockets from this address.',
    retryable: true,
  },
  HEADERS_TOO_LARGE: { status: 431, message: 'The header section is too large.', retryable: false },
  INTERNAL: { status: 500, message: 'The gateway failed.', retryable: true },
  BAD_UPSTREAM: {
    status: 502,
    message: 'The core closed the connection or answered unreadably.',
    retryable: true,
  },
  AUTHENTICATION_UNAVAILABLE: {
    status: 503,
    message: 'Credentials cannot be checked at the moment.',
    retryable: true,
  },
  NO_UPSTREAM: { status: 503, message: 'No core can be reached at the moment.', retryable: true },
  DRAINING: { status: 503, message: 'The gateway is shutting down.', retryable: true },
  UPSTREAM_TIMEOUT: { status: 504, message: 'The core did not answer in time.', retryable: true },
} as const

export type ErrorCode = keyof typeof TABLE

export const ERROR_CODES = Object.keys(TABLE) as ErrorCode[]

export const errorEntry = (code: ErrorCode): { status: number; message: string; retryable: boolean } =>
  TABLE[code]

/** Thrown only where the machinery is broken, or wants not to be asked; a refusal is a value. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly retryAfterS: number | undefined
  constructor(code: ErrorCode, options?: { cause?: unknown; retryAfterS?: number | undefined }) {
    super(TABLE[code].message, options)
    this.name = 'GatewayError'
    this.code = code
    this.retryAfterS = options?.retryAfterS
  }
}
