/** Every error that a client of the core can see. The code is also the log's reason; switch on it, never on text. */
const TABLE = {
  INVALID_REQUEST: { status: 400, message: 'The request is not valid.', retryable: false },
  INVALID_BODY: { status: 400, message: 'The body cannot be read.', retryable: false },
  INVALID_QUERY: { status: 400, message: 'The query is not valid.', retryable: false },
  MISSING_PARAMETER: { status: 400, message: 'A required parameter is missing.', retryable: false },
  INVALID_MESSAGE_FORMAT: { status: 400, message: 'The message is not valid.', retryable: false },
  INVALID_CONFIG_FORMAT: { status: 400, message: 'The configuration is not valid.', retryable: false },
  SELF_BLOCK_FORBIDDEN: { status: 400, message: 'Nobody blocks themselves.', retryable: false },
  INVALID_SEARCH_TYPE: { status: 400, message: 'There is no such type of search.', retryable: false },
  INVALID_USER_ID: { status: 400, message: 'The user id is not valid.', retryable: false },
  ACTING_USER_REQUIRED: {
    status: 400,
    message: 'A platform key needs IM-Client-ID here: the user it acts for.',
    retryable: false,
  },
  UNAUTHORIZED: { status: 401, message: 'Authorization error.', retryable: false },
  PERMISSION_DENIED: { status: 403, message: 'Permission denied.', retryable: false },
  NOT_ROOM_MEMBER: { status: 403, message: 'Not a member of this room.', retryable: false },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address.', retryable: false },
  ROOM_NOT_FOUND: { status: 404, message: 'No such room.', retryable: false },
  MESSAGE_NOT_FOUND: { status: 404, message: 'No such message.', retryable: false },
  CLIENT_NOT_FOUND: { status: 404, message: 'No such client.', retryable: false },
  USER_NOT_FOUND: { status: 404, message: 'No such user.', retryable: false },
  BLOCK_NOT_FOUND: { status: 404, message: 'No such block.', retryable: false },
  CONFIG_NOT_FOUND: { status: 404, message: 'No such key.', retryable: false },
  FILE_NOT_FOUND: { status: 404, message: 'No such file.', retryable: false },
  STICKER_NOT_FOUND: { status: 404, message: 'No such sticker.', retryable: false },
  TOKEN_NOT_FOUND: { status: 404, message: 'No such token.', retryable: false },
  APP_NOT_FOUND: { status: 404, message: 'No such app.', retryable: false },
  KEY_NOT_FOUND: { status: 404, message: 'No such key.', retryable: false },
  SOCKET_NOT_FOUND: { status: 404, message: 'No such live socket.', retryable: false },
  APP_EXISTS: { status: 409, message: 'There is an app of this id.', retryable: false },
  USER_EXISTS: { status: 409, message: 'There is a client of this id.', retryable: false },
  TOKEN_CONFLICT: { status: 409, message: 'The token belongs to another client.', retryable: false },
  REQUEST_TIMEOUT: { status: 408, message: 'The body did not come in time.', retryable: true },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The body is too large.', retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'This content type is not read here.', retryable: false },
  TOO_MANY_REQUESTS: { status: 429, message: 'Too much at once.', retryable: true },
  INTERNAL: { status: 500, message: 'The server failed.', retryable: true },
  SHUTTING_DOWN: { status: 503, message: 'The server is going down.', retryable: true },
  CORES_UNAVAILABLE: {
    status: 503,
    message: 'Not every core could be asked.',
    retryable: true,
  },
  AUTH_SERVICE_UNAVAILABLE: {
    status: 503,
    message: 'The auth service did not sign a token.',
    retryable: true,
  },
  FILES_UNAVAILABLE: {
    status: 503,
    message: 'This server has no place for files, or cannot reach it.',
    retryable: true,
  },
  STORE_UNAVAILABLE: {
    status: 503,
    message: 'The database cannot be reached at the moment.',
    retryable: true,
  },
} as const

export type ErrorCode = keyof typeof TABLE

export const errorEntry = (code: ErrorCode): { status: number; message: string; retryable: boolean } =>
  TABLE[code]

/** `detail` is shown to the caller after the table's message; it never quotes a credential. */
export class CoreError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(detail === undefined ? TABLE[code].message : `${TABLE[code].message} ${detail}`, options)
    this.name = 'CoreError'
    this.code = code
    this.detail = detail
  }
}
