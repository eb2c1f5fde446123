/** A request target in its one canonical form, used both to decide and to forward. */
export type Target = { path: string; query: string }

const MAX_TARGET_BYTES = 8_192

/** What nearly every target is: no escapes, no empty or dot segment. Such a path is its own canonical form. */
const PLAIN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,;=:@|[\]]+)*\/?$/
/** Visible ASCII but `#` and `\`: a fragment never belongs in a request, a backslash is a slash to some servers. */
const SAFE_TEXT = /^[\x21\x22\x24-\x5b\x5d-\x7e]*$/
const UNRESERVED = /^[A-Za-z0-9\-._~]$/

/**
 * Canonicalises (RFC 3986 §6.2.2): escapes of unreserved characters are decoded, those that remain are upper
 * case. What two servers could read differently is refused as 'ambiguous': empty and dot segments (plain or
 * escaped), backslashes, fragments, NUL, control and non-ASCII bytes, broken escapes, a foreign authority.
 * An escaped slash stays escaped: it is part of an id, never a separator, here and in the core's router.
 */
export function parseTarget(url: string, host: string): Target | 'ambiguous' | 'too-long' {
  if (url.length > MAX_TARGET_BYTES) return 'too-long'
  let target = url
  if (!target.startsWith('/')) {
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target)
    if (absolute === null || absolute[1]?.toLowerCase() !== host.toLowerCase()) return 'ambiguous'
    target = absolute[2]?.startsWith('/') ? absolute[2] : `/${absolute[2]}`
  }
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  if (query !== '' && !SAFE_TEXT.test(query)) return 'ambiguous'
  if (PLAIN_PATH.test(path)) return { path, query }
  const canonical = canonicalPath(path)
  return canonical === undefined ? 'ambiguous' : { path: canonical, query }
}

function canonicalPath(path: string): string | undefined {
  if (!SAFE_TEXT.test(path)) return undefined
  let broken = false
  const decoded = path.replace(/%(.{0,2})/g, (triplet, digits: string) => {
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
      broken = true
      return triplet
    }
    const byte = Number.parseInt(digits, 16)
    if (byte < 0x20 || byte === 0x7f || byte === 0x5c) broken = true
    const character = String.fromCharCode(byte)
    return UNRESERVED.test(character) ? character : triplet.toUpperCase()
  })
  if (broken) return undefined
  const segments = decoded.split('/').slice(1)
  if (segments.some((segment) => segment === '.' || segment === '..')) return undefined
  // Only the last segment may be empty: that is the optional trailing slash.
  if (segments.slice(0, -1).includes('')) return undefined
  return decoded
}

/** For comparisons: the contract's trailing slash is optional everywhere. */
export function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
