import type { Credentials } from '../authn/authenticator.ts'
import type { ErrorCode } from '../errors.ts'
import { foldName, ruleOf } from './names.ts'

/** A request's header section after the one pass that HTTP requests, polling requests and upgrades share. */
export type NormalisedHeaders = {
  credentials: Credentials
  /** End-to-end fields, flat name, value, …: no hop-by-hop, reserved, credential, Host or framing field. */
  endToEnd: string[]
  host: string
  origin: string | undefined
  /** As sent, these four; believed only from trusted proxies. */
  forwardedFor: string | undefined
  requestId: string | undefined
  traceParent: string | undefined
  traceState: string | undefined
  /** Our own console's page sent it: the page says so, and the browser that it is of this origin. */
  fromConsole: boolean
  /** How many fields, dropped, only the gateway may send. */
  forged: number
}

export type Normalised = NormalisedHeaders | { refused: ErrorCode }

const MAX_FIELDS = 100
const MAX_ID_CHARACTERS = 512
const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/
const CONTENT_LENGTH = /^(?:0|[1-9]\d{0,15})$/
const BEARER = /^bearer +/i

/**
 * Reads Node's `rawHeaders` (flat, as they came, duplicates kept: Node's own `headers` would let the first of
 * two `Authorization` or `Host` fields win in silence).
 */
export function normaliseHeaders(rawHeaders: readonly string[]): Normalised {
  if (rawHeaders.length > MAX_FIELDS * 2) return { refused: 'HEADERS_TOO_LARGE' }
  const named = namedByConnection(rawHeaders)
  const endToEnd: string[] = []
  let host: string | undefined
  let origin: string | undefined
  let forwardedFor: string | undefined
  let requestId: string | undefined
  let traceParent: string | undefined
  let traceState: string | undefined
  let contentLength: string | undefined
  let transferEncoding: string | undefined
  let clientKey: string | undefined
  let legacyClientKey: string | undefined
  let token: string | undefined
  let legacyToken: string | undefined
  let platformKey: string | undefined
  let legacyPlatformKey: string | undefined
  let deviceId: string | undefined
  let actingUserId: string | undefined
  let isConsole = false
  let fetchSite: string | undefined
  let conflict = false
  let forged = 0

  const once = (held: string | undefined, value: string | undefined): string | undefined => {
    if (held !== undefined && value !== undefined && held !== value) conflict = true
    return held ?? value
  }

  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    const rule = ruleOf(name)
    if (named !== undefined && rule !== 'host' && named.has(foldName(name))) continue
    switch (rule) {
      case 'pass':
        endToEnd.push(name, value)
        break
      case 'forged':
        forged++
        break
      case 'drop':
      case 'connection':
        break
      case 'host':
        if (host !== undefined || !HOST.test(value)) return { refused: 'BAD_REQUEST' }
        host = value
        break
      case 'origin':
        if (origin !== undefined) return { refused: 'BAD_REQUEST' }
        origin = value
        endToEnd.push(name, value)
        break
      case 'content-length':
        // `Content_Length` folds here too, and is only text to whoever framed the message: refuse the trick.
        if (contentLength !== undefined || !CONTENT_LENGTH.test(value) || !isPlain(name))
          return { refused: 'BAD_REQUEST' }
        contentLength = value
        break
      case 'transfer-encoding':
        if (transferEncoding !== undefined || value.toLowerCase() !== 'chunked' || !isPlain(name))
          return { refused: 'BAD_REQUEST' }
        transferEncoding = value
        break
      case 'forwarded-for':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`
        break
      case 'request-id':
        requestId ??= value
        break
      case 'trace-parent':
        // One of two cannot be the right one (W3C Trace Context §3.2): '' is none.
        traceParent = traceParent === undefined ? value : ''
        break
      case 'trace-state':
        traceState = traceState === undefined ? value : `${traceState},${value}`
        break
      case 'client-key':
        clientKey = once(clientKey, credentialValue(value))
        break
      case 'legacy-client-key':
        legacyClientKey = once(legacyClientKey, credentialValue(value))
        break
      case 'token':
        token = once(token, credentialValue(value.replace(BEARER, '')))
        break
      case 'legacy-token':
        legacyToken = once(legacyToken, legacyTokenValue(value))
        break
      case 'platform-key':
        platformKey = once(platformKey, credentialValue(value))
        break
      case 'legacy-platform-key':
        legacyPlatformKey = once(legacyPlatformKey, credentialValue(value))
        break
      case 'device-id':
        deviceId = once(deviceId, credentialValue(value))
        break
      case 'acting-user':
        actingUserId = once(actingUserId, credentialValue(value))
        break
      case 'console':
        isConsole = value === '1'
        break
      case 'fetch-site':
        // A page may write `Sec_Fetch_Site`; the browser's own word it can neither write nor leave out.
        fetchSite = fetchSite === undefined && isPlain(name) ? value : 'several'
        endToEnd.push(name, value)
        break
    }
  }

  clientKey = once(clientKey, legacyClientKey)
  platformKey = once(platformKey, legacyPlatformKey)
  if (conflict) return { refused: 'CONFLICTING_CREDENTIALS' }
  if (contentLength !== undefined && transferEncoding !== undefined) return { refused: 'BAD_REQUEST' }
  if ((deviceId?.length ?? 0) > MAX_ID_CHARACTERS || (actingUserId?.length ?? 0) > MAX_ID_CHARACTERS)
    return { refused: 'BAD_REQUEST' }
  return {
    // Beside `IM-Authorization` a differing `Authorization` is not ours: clients send it to S3 behind redirects.
    credentials: { clientKey, clientToken: token ?? legacyToken, platformKey, deviceId, actingUserId },
    endToEnd,
    host: host ?? 'localhost',
    origin,
    forwardedFor,
    requestId,
    traceParent,
    traceState,
    fromConsole: isConsole && fetchSite === 'same-origin',
    forged,
  }
}

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

/** Shipped clients send an empty value, or the words `undefined` and `null`, where they have none. */
export function credentialValue(value: string): string | undefined {
  const text = value.trim()
  if (text === '' || text === 'undefined' || text === 'null') return undefined
  return isAscii(text) ? text : fromUtf8(text)
}

/** `Authorization` is ours as a bare token or with `Bearer`; other schemes (Basic, AWS4-…) are somebody else's. */
function legacyTokenValue(value: string): string | undefined {
  const text = value.replace(BEARER, '').trim()
  return text.includes(' ') ? undefined : credentialValue(text)
}

const isPlain = (name: string): boolean => !name.includes('_') && !name.includes('.')

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is what is meant
const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text)

/** Node reads header bytes as latin-1; a customer's server sends user ids in UTF-8. */
function fromUtf8(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? latin1 : text
}
