import type { Credentials } from '../authn/authenticator.ts'
import type { ErrorCode } from '../errors.ts'
import { createFieldLines, type FieldLine, type FieldLines } from './field-lines.ts'
import { type FieldRule, foldName, ruleOf } from './names.ts'

export type RequestLine = FieldLine<FieldRule>

const MAX_FIELDS = 100
const MAX_ID_CHARACTERS = 512
const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/
const CONTENT_LENGTH = /^(?:0|[1-9]\d{0,14})$/
const BEARER = /^bearer[ \t]+/i
const NO_CREDENTIALS: Credentials = {
  clientKey: undefined,
  clientToken: undefined,
  platformKey: undefined,
  deviceId: undefined,
  actingUserId: undefined,
}

/** What clients send again and again, and is nobody's secret. */
const REPEATED =
  /^(?:host|connection|user-agent|accept|accept-.*|content-type|origin|cache-control|pragma|priority|sec-.*|x-requested-with|x-timezone|(?:im[-_.])?client[-_.]key)$/

/** The lines of all requests. */
export const requestLines: FieldLines<FieldRule> = createFieldLines(ruleOf, REPEATED)

/**
 * A request's header section, taken in line by line, once: HTTP requests, polling requests and upgrades share it, and
 * both lanes. What remains is what may go on, and what the gateway needs to know.
 */
export class HeaderSection {
  /** End-to-end fields: no hop-by-hop, reserved, credential, Host or framing field. */
  readonly endToEnd: FieldLine[] = []
  credentials: Credentials = NO_CREDENTIALS
  host: string | undefined
  origin: string | undefined
  contentLength: string | undefined
  transferEncoding: string | undefined
  /** As sent, these four; believed only from trusted proxies. */
  forwardedFor: string | undefined
  requestId: string | undefined
  traceParent: string | undefined
  traceState: string | undefined
  /** How many fields, dropped, only the gateway may send. */
  forged = 0
  #fields = 0
  #clientKey: string | undefined
  #legacyClientKey: string | undefined
  #token: string | undefined
  #legacyToken: string | undefined
  #platformKey: string | undefined
  #legacyPlatformKey: string | undefined
  #deviceId: string | undefined
  #actingUserId: string | undefined
  #isConsole = false
  #fetchSite: string | undefined
  #isConflicting = false

  /** Our own console's page sent it: the page says so, and the browser that it is of this origin. */
  get fromConsole(): boolean {
    return this.#isConsole && this.#fetchSite === 'same-origin'
  }

  /** @returns why the request is refused, if it is */
  take(line: RequestLine): ErrorCode | undefined {
    if (++this.#fields > MAX_FIELDS) return 'HEADERS_TOO_LARGE'
    const { name, value } = line
    switch (name.role) {
      case 'pass':
        this.endToEnd.push(line)
        break
      case 'forged':
        this.forged++
        break
      case 'drop':
      case 'connection':
        break
      case 'host':
        if (this.host !== undefined || !isHost(value)) return 'BAD_REQUEST'
        this.host = value
        break
      case 'origin':
        if (this.origin !== undefined) return 'BAD_REQUEST'
        this.origin = value
        this.endToEnd.push(line)
        break
      case 'content-length':
        // `Content_Length` folds here too, and is only text to whoever framed the message: refuse the trick.
        if (this.contentLength !== undefined || !CONTENT_LENGTH.test(value) || !isPlain(name.raw))
          return 'BAD_REQUEST'
        this.contentLength = value
        break
      case 'transfer-encoding':
        if (this.transferEncoding !== undefined || value.toLowerCase() !== 'chunked' || !isPlain(name.raw))
          return 'BAD_REQUEST'
        this.transferEncoding = value
        break
      case 'forwarded-for':
        this.forwardedFor = this.forwardedFor === undefined ? value : `${this.forwardedFor}, ${value}`
        break
      case 'request-id':
        this.requestId ??= value
        break
      case 'trace-parent':
        // One of two cannot be the right one (W3C Trace Context §3.2): '' is none.
        this.traceParent = this.traceParent === undefined ? value : ''
        break
      case 'trace-state':
        this.traceState = this.traceState === undefined ? value : `${this.traceState},${value}`
        break
      case 'client-key':
        this.#clientKey = this.#once(this.#clientKey, credentialOf(line))
        break
      case 'legacy-client-key':
        this.#legacyClientKey = this.#once(this.#legacyClientKey, credentialOf(line))
        break
      case 'token':
        this.#token = this.#once(this.#token, credentialIn(value.replace(BEARER, ''), line.isAscii))
        break
      case 'legacy-token':
        this.#legacyToken = this.#once(this.#legacyToken, legacyTokenOf(line))
        break
      case 'platform-key':
        this.#platformKey = this.#once(this.#platformKey, credentialOf(line))
        break
      case 'legacy-platform-key':
        this.#legacyPlatformKey = this.#once(this.#legacyPlatformKey, credentialOf(line))
        break
      case 'device-id':
        this.#deviceId = this.#once(this.#deviceId, credentialOf(line))
        break
      case 'acting-user':
        this.#actingUserId = this.#once(this.#actingUserId, credentialOf(line))
        break
      case 'console':
        this.#isConsole = value === '1'
        break
      case 'fetch-site':
        // A page may write `Sec_Fetch_Site`; the browser's own word it can neither write nor leave out.
        this.#fetchSite = this.#fetchSite === undefined && isPlain(name.raw) ? value : 'several'
        this.endToEnd.push(line)
        break
    }
    return undefined
  }

  /** All lines have been taken. @returns why the request is refused, if it is */
  end(): ErrorCode | undefined {
    const clientKey = this.#once(this.#clientKey, this.#legacyClientKey)
    const platformKey = this.#once(this.#platformKey, this.#legacyPlatformKey)
    const deviceId = this.#deviceId
    const actingUserId = this.#actingUserId
    if (this.#isConflicting) return 'CONFLICTING_CREDENTIALS'
    if (this.contentLength !== undefined && this.transferEncoding !== undefined) return 'BAD_REQUEST'
    if ((deviceId?.length ?? 0) > MAX_ID_CHARACTERS || (actingUserId?.length ?? 0) > MAX_ID_CHARACTERS)
      return 'BAD_REQUEST'
    // Beside `IM-Authorization` a differing `Authorization` is not ours: clients send it to S3 behind redirects.
    const clientToken = this.#token ?? this.#legacyToken
    this.credentials = { clientKey, clientToken, platformKey, deviceId, actingUserId }
    return undefined
  }

  #once(held: string | undefined, value: string | undefined): string | undefined {
    if (held !== undefined && value !== undefined && held !== value) this.#isConflicting = true
    return held ?? value
  }
}

/**
 * Reads Node's `rawHeaders` (flat, as they came, duplicates kept: Node's own `headers` would let the first of
 * two `Authorization` or `Host` fields win in silence).
 */
export function normaliseHeaders(rawHeaders: readonly string[]): HeaderSection | { refused: ErrorCode } {
  if (rawHeaders.length > MAX_FIELDS * 2) return { refused: 'HEADERS_TOO_LARGE' }
  const named = namedByConnection(rawHeaders)
  const section = new HeaderSection()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const line = requestLines.of(rawHeaders[i] as string, rawHeaders[i + 1] as string)
    if (line === undefined) return { refused: 'BAD_REQUEST' }
    if (named?.has(foldName(line.name.raw)) && !isAlwaysRead(line.name.role)) continue
    const refused = section.take(line)
    if (refused !== undefined) return { refused }
  }
  const refused = section.end()
  return refused === undefined ? section : { refused }
}

let knownHost = ''

/** Nearly all requests name the same. */
function isHost(value: string): boolean {
  if (value === knownHost) return true
  if (!HOST.test(value)) return false
  knownHost = value
  return true
}

/** Whoever read the message went by these, whatever `Connection` says of them. */
const isAlwaysRead = (rule: FieldRule): boolean =>
  rule === 'host' || rule === 'content-length' || rule === 'transfer-encoding'

/** Names that `Connection` makes hop-by-hop; undefined in the usual case that it names none but its own words. */
function namedByConnection(rawHeaders: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    // Folding keeps a name's length: most are told apart by it.
    if (name.length !== 10 || ruleOf(name) !== 'connection') continue
    const value = rawHeaders[i + 1] as string
    if (value === 'keep-alive' || value === 'close' || value === 'Upgrade' || value === 'upgrade') continue
    for (const word of value.split(',')) {
      named ??= new Set()
      named.add(foldName(word.trim()))
    }
  }
  return named
}

const credentialOf = ({ value, isAscii }: RequestLine): string | undefined => credentialIn(value, isAscii)

/** Shipped clients send an empty value, or the words `undefined` and `null`, where they have none. */
function credentialIn(text: string, isAscii: boolean): string | undefined {
  if (text === '' || text === 'undefined' || text === 'null') return undefined
  return isAscii ? text : fromUtf8(text)
}

/** `Authorization` is ours as a bare token or with `Bearer`; other schemes (Basic, AWS4-…) are somebody else's. */
function legacyTokenOf({ value, isAscii }: RequestLine): string | undefined {
  const text = value.replace(BEARER, '')
  return text.includes(' ') ? undefined : credentialIn(text, isAscii)
}

const isPlain = (name: string): boolean => !name.includes('_') && !name.includes('.')

/** Node reads header bytes as latin-1; a customer's server sends user ids in UTF-8. */
function fromUtf8(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? latin1 : text
}
