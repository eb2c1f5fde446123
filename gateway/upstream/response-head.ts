import { ResponseSyntaxError } from './failure.ts'
import type { ReceivedFields, ResponseFieldNames } from './response-fields.ts'

/** How a response's body ends, RFC 9112 §6.3. */
export type Framing = 'none' | 'fixed' | 'chunked' | 'until-close'

export type ResponseHead = ReceivedFields & {
  status: number
  reason: string
  framing: Framing
  /** As stated, also where no body follows it (HEAD, 304). */
  contentLength: number | undefined
  /** Whether the core means to keep the connection. */
  keepAlive: boolean
  /** For how long the core keeps an idle connection, where it says so. */
  keepAliveMs: number | undefined
  nodeId: string | undefined
  credentialPosition: number | undefined
}

const MAX_FIELDS = 200
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/
const DIGITS = /^\d{1,15}$/
const NODE_ID = /^[\w.:-]{1,128}$/
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=(\d{1,6})(?:[,\s]|$)/i

/**
 * Reads a response's head, given without the empty line at its end.
 * @throws ResponseSyntaxError
 */
export function parseResponseHead(
  text: string,
  fieldNames: ResponseFieldNames,
  toHead: boolean,
): ResponseHead {
  let end = text.indexOf('\r\n')
  if (end === -1) end = text.length
  const statusLine = STATUS_LINE.exec(text.slice(0, end))
  if (statusLine === null) throw new ResponseSyntaxError('status line')
  const isOld = statusLine[1] === '0'
  const head: ResponseHead = {
    status: Number(statusLine[2]),
    reason: statusLine[3] ?? '',
    names: [],
    values: [],
    framing: 'until-close',
    contentLength: undefined,
    keepAlive: !isOld,
    keepAliveMs: undefined,
    connectionNames: undefined,
    nodeId: undefined,
    credentialPosition: undefined,
  }
  let isChunked = false
  while (end < text.length) {
    const start = end + 2
    end = text.indexOf('\r\n', start)
    if (end === -1) end = text.length
    const colon = text.indexOf(':', start)
    // A line that begins with a blank (obs-fold) has no token for a name, and is refused with the rest.
    const name = colon === -1 || colon > end ? undefined : fieldNames.get(text.slice(start, colon))
    if (name === undefined) throw new ResponseSyntaxError('field name')
    const value = trimmed(text, colon + 1, end)
    // What is left of CR and LF here stands alone: such bytes end a line for some readers and not for others.
    if (FORBIDDEN_IN_VALUE.test(value)) throw new ResponseSyntaxError('field value')
    if (head.names.push(name) > MAX_FIELDS) throw new ResponseSyntaxError('too many fields')
    head.values.push(value)
    switch (name.role) {
      case 'content-length': {
        const length = DIGITS.test(value) ? Number(value) : -1
        if (length === -1 || (head.contentLength ?? length) !== length)
          throw new ResponseSyntaxError('Content-Length')
        head.contentLength = length
        break
      }
      case 'transfer-encoding':
        if (isChunked || isOld || value.toLowerCase() !== 'chunked')
          throw new ResponseSyntaxError('Transfer-Encoding')
        isChunked = true
        break
      case 'connection':
        readConnection(head, value)
        break
      case 'keep-alive': {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1]
        if (seconds !== undefined) head.keepAliveMs = Number(seconds) * 1_000
        break
      }
      case 'node-id':
        if (NODE_ID.test(value)) head.nodeId = value
        break
      case 'credential-position':
        if (DIGITS.test(value)) head.credentialPosition = Number(value)
        break
    }
  }
  head.framing = framingOf(head, isChunked, toHead)
  return head
}

function framingOf(head: ResponseHead, isChunked: boolean, toHead: boolean): Framing {
  const { status, contentLength } = head
  if (isChunked && contentLength !== undefined)
    throw new ResponseSyntaxError('Content-Length and Transfer-Encoding')
  if (status < 200 || status === 204) {
    if (isChunked) throw new ResponseSyntaxError('Transfer-Encoding without a body')
    return 'none'
  }
  if (toHead || status === 304) return 'none'
  if (isChunked) return 'chunked'
  return contentLength === undefined ? 'until-close' : 'fixed'
}

function readConnection(head: ResponseHead, value: string): void {
  if (value === 'keep-alive') return
  for (const word of value.toLowerCase().split(',')) {
    const option = word.trim()
    if (option === 'close') head.keepAlive = false
    // HTTP/1.0 keeps a connection only where it says so; that we never ask it to, so its word is not needed.
    else if (option !== '' && option !== 'keep-alive') {
      head.connectionNames ??= []
      head.connectionNames.push(option)
    }
  }
}

/** Without the blanks (space, tab) around it. */
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 32 || code === 9
