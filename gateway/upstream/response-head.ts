import { copied, LineMemory } from '../headers/field-lines.ts'
import { ResponseSyntaxError } from './failure.ts'
import { type ReceivedFields, responseLines } from './response-fields.ts'

/** How a response's body ends, RFC 9112 §6.3. */
export type Framing = 'none' | 'fixed' | 'chunked' | 'until-close'

export type ResponseHead = ReceivedFields & {
  status: number
  reason: string
  /** As it goes on, with its line end. */
  statusLine: string
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
const MAX_REMEMBERED = 128
const MAX_REMEMBERED_LENGTH = 64
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const DIGITS = /^\d{1,15}$/
const NODE_ID = /^[\w.:-]{1,128}$/
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=(\d{1,6})(?:[,\s]|$)/i

/**
 * Reads a response's head, given without the empty line at its end.
 * @throws ResponseSyntaxError
 */
export function parseResponseHead(
  text: string,
  toHead: boolean,
  memory = new LineMemory(responseLines),
): ResponseHead {
  let end = text.indexOf('\r\n')
  if (end === -1) end = text.length
  const { status, reason, isOld, written } = readStatusLine(text.slice(0, end))
  const head: ResponseHead = {
    status,
    reason,
    statusLine: written,
    lines: [],
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
    // A line that begins with a blank (obs-fold) has no token for a name, and is refused with the rest.
    const line = memory.read(head.lines.length, text, start, end)
    if (line === undefined) throw new ResponseSyntaxError('field')
    if (head.lines.push(line) > MAX_FIELDS) throw new ResponseSyntaxError('too many fields')
    const { name, value } = line
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
      case 'keep-alive':
        head.keepAliveMs = keepAliveMsIn(value) ?? head.keepAliveMs
        break
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

let lastKeepAlive: { value: string; ms: number | undefined } = { value: '', ms: undefined }

/** A core says the same each time. */
function keepAliveMsIn(value: string): number | undefined {
  if (value !== lastKeepAlive.value) {
    const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1]
    lastKeepAlive = { value: copied(value), ms: seconds === undefined ? undefined : Number(seconds) * 1_000 }
  }
  return lastKeepAlive.ms
}

/** `received`: as it came. */
type StatusLine = { received: string; status: number; reason: string; isOld: boolean; written: string }

const statusLines = new Map<string, StatusLine>()
let lastStatusLine: StatusLine | undefined

function readStatusLine(text: string): StatusLine {
  // Compared as a whole: to be looked up, a text that has just been cut out has to be spelt out.
  if (text === lastStatusLine?.received) return lastStatusLine
  const known = statusLines.get(text)
  if (known !== undefined) {
    lastStatusLine = known
    return known
  }
  const match = STATUS_LINE.exec(text)
  if (match === null) throw new ResponseSyntaxError('status line')
  const [, version, status = '', reason = ''] = match
  const received = copied(text)
  const written = copied(`HTTP/1.1 ${status} ${reason}\r\n`)
  const line = { received, status: Number(status), reason, isOld: version === '0', written }
  if (statusLines.size >= MAX_REMEMBERED) statusLines.clear()
  if (written.length <= MAX_REMEMBERED_LENGTH) statusLines.set(received, line)
  return line
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
