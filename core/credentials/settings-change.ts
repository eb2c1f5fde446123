/** Reads what is to change in an app's settings, field by field, with errors that name the field. */
import { isIP } from 'node:net'
import type { JwksAlgorithm, JwtKeys } from '#contract/internal.ts'
import { createAddressRule, type PrivateUpstreams } from '#contract/outbound-address.ts'
import { CoreError } from '../errors.ts'
import type { StoredAuthentication, StoredExternalAuth, StoredSettings } from '../store/apps.ts'

/** Absent = keep, null = back to the default. */
type Change<T> = { [K in keyof T]?: T[K] | null }
export type SettingsChange = Change<Omit<StoredSettings, 'authentication'>> & {
  authentication?: Change<StoredAuthentication> | null
}

type Fields = Readonly<Record<string, unknown>>

const MAX_ENTRIES = 100
const MAX_URL_LENGTH = 2_048
const MAX_TEXT_LENGTH = 1_024
/** RFC 7518, 3.2: not shorter than the hash. */
const MIN_SECRET_BYTES = 32
const TIMEOUT_MS = { least: 100, most: 10_000 }
const CACHE_MS = { least: 0, most: 600_000 }
const JWKS_ALGORITHMS: readonly JwksAlgorithm[] = ['RS256', 'ES256', 'EdDSA']

/** @throws CoreError INVALID_REQUEST */
export function parseSettingsChange(input: unknown, privateUpstreams: PrivateUpstreams): SettingsChange {
  const fields = parseFields(input, 'the settings', [
    'origins',
    'allowPlatformKeyFromBrowser',
    'platformSources',
    'webhookUrl',
    'authentication',
  ])
  return {
    ...given(fields, 'origins', parseOrigins),
    ...given(fields, 'allowPlatformKeyFromBrowser', parseFlag),
    ...given(fields, 'platformSources', parseSources),
    ...given(fields, 'webhookUrl', (value, at) => parseUrl(value, at, privateUpstreams)),
    ...given(fields, 'authentication', (value) => parseAuthentication(value, privateUpstreams)),
  }
}

export function mergeSettings(stored: StoredSettings, change: SettingsChange): StoredSettings {
  const { authentication, ...plain } = change
  const merged = merge<StoredSettings>(stored, plain)
  if (authentication === undefined) return merged
  if (authentication === null) return merge<StoredSettings>(merged, { authentication: null })
  return { ...merged, authentication: merge(stored.authentication ?? {}, authentication) }
}

function merge<T extends object>(stored: T, change: Change<T>): T {
  const entries = Object.entries({ ...stored, ...change }).filter(([, value]) => value !== null)
  return Object.fromEntries(entries) as T
}

function parseAuthentication(value: unknown, upstreams: PrivateUpstreams): Change<StoredAuthentication> {
  const fields = parseFields(value, 'authentication', ['jwt', 'external'])
  return {
    ...given(fields, 'jwt', (jwt) => parseJwtKeys(jwt, upstreams)),
    ...given(fields, 'external', (external) => parseExternalAuth(external, upstreams)),
  }
}

function parseExternalAuth(value: unknown, upstreams: PrivateUpstreams): StoredExternalAuth {
  const at = 'authentication.external'
  const fields = parseFields(value, at, ['url', 'timeoutMs', 'cacheMs'])
  const { timeoutMs, cacheMs } = fields
  return {
    url: parseUrl(fields.url, `${at}.url`, upstreams),
    ...(isGiven(timeoutMs) && { timeoutMs: parseNumber(timeoutMs, `${at}.timeoutMs`, TIMEOUT_MS) }),
    ...(isGiven(cacheMs) && { cacheMs: parseNumber(cacheMs, `${at}.cacheMs`, CACHE_MS) }),
  }
}

function parseJwtKeys(value: unknown, upstreams: PrivateUpstreams): JwtKeys {
  const at = 'authentication.jwt'
  const isShared = typeof value === 'object' && value !== null && !('jwksUrl' in value)
  const own = isShared ? ['algorithm', 'secret'] : ['jwksUrl', 'algorithms']
  const fields = parseFields(value, at, [...own, 'issuer', 'audience', 'userIdClaim'])
  const { issuer, audience, userIdClaim } = fields
  const claims = {
    ...(isGiven(issuer) && { issuer: parseText(issuer, `${at}.issuer`) }),
    ...(isGiven(audience) && { audience: parseText(audience, `${at}.audience`) }),
    ...(isGiven(userIdClaim) && { userIdClaim: parseText(userIdClaim, `${at}.userIdClaim`) }),
  }
  if (!isShared) {
    const jwksUrl = parseUrl(fields.jwksUrl, `${at}.jwksUrl`, upstreams)
    return { jwksUrl, algorithms: parseAlgorithms(fields.algorithms, `${at}.algorithms`), ...claims }
  }
  if (fields.algorithm !== 'HS256') throw refused(`${at}.algorithm`, 'is HS256, or there is a "jwksUrl"')
  const secret = parseText(fields.secret, `${at}.secret`)
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    throw refused(`${at}.secret`, `has fewer than ${MIN_SECRET_BYTES} bytes`)
  return { algorithm: 'HS256', secret, ...claims }
}

function parseAlgorithms(value: unknown, at: string): JwksAlgorithm[] {
  const names = Array.isArray(value) ? value : []
  const known = JWKS_ALGORITHMS.filter((name) => names.includes(name))
  if (known.length === 0 || known.length !== names.length)
    throw refused(at, `is a list of some of ${JWKS_ALGORITHMS.join(', ')}`)
  return known
}

/** What a name leads to is only known, and checked, when it is called. */
function parseUrl(value: unknown, at: string, upstreams: PrivateUpstreams): string {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH || !URL.canParse(value))
    throw refused(at, 'is not a URL')
  const { protocol, hostname, username, password, hash } = new URL(value)
  if (username !== '' || password !== '' || hash !== '')
    throw refused(at, 'has a user, a password or a fragment')
  if (protocol !== 'https:' && !(protocol === 'http:' && upstreams !== 'none'))
    throw refused(at, 'does not begin with https://')
  const literal = hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) !== 0 && !createAddressRule(upstreams)(literal))
    throw refused(at, 'leads to an address that apps may not call')
  return value
}

function parseOrigins(value: unknown, at: string): string[] {
  const origins = parseTexts(value, at)
  if (origins.length === 1 && origins[0] === '*') return origins
  for (const origin of origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw refused(at, 'holds something that is no origin such as https://chat.example.com')
  return origins
}

function parseSources(value: unknown, at: string): string[] {
  const sources = parseTexts(value, at)
  if (!sources.every(isSource))
    throw refused(at, 'holds something that is no address and no network such as 192.0.2.0/24')
  return sources
}

/** Whether it is an address, or a network of them. */
export function isSource(source: string): boolean {
  const [network = '', prefix, ...rest] = source.split('/')
  const bits = isIP(network) === 4 ? 32 : 128
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)
  return isIP(network) !== 0 && !network.includes('%') && isPrefix && rest.length === 0
}

function parseTexts(value: unknown, at: string): string[] {
  const isList = Array.isArray(value) && value.length <= MAX_ENTRIES
  if (!isList || !value.every((entry) => typeof entry === 'string' && entry.length <= MAX_TEXT_LENGTH))
    throw refused(at, `is a list of at most ${MAX_ENTRIES} texts`)
  return value
}

function parseFlag(value: unknown, at: string): boolean {
  if (typeof value !== 'boolean') throw refused(at, 'is neither true nor false')
  return value
}

function parseText(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT_LENGTH || value.includes('\0'))
    throw refused(at, `is a text of at most ${MAX_TEXT_LENGTH} characters`)
  return value
}

function parseNumber(value: unknown, at: string, { least, most }: { least: number; most: number }): number {
  if (!Number.isInteger(value) || Number(value) < least || Number(value) > most)
    throw refused(at, `is a whole number from ${least} to ${most}`)
  return Number(value)
}

function parseFields(value: unknown, at: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused(at, 'is not an object')
  for (const name of Object.keys(value))
    if (!known.includes(name)) throw refused(at, `knows no "${name.slice(0, 64)}"; only ${known.join(', ')}`)
  return value as Fields
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

function given<K extends string, T>(
  fields: Fields,
  name: K,
  parse: (value: unknown, at: string) => T,
): { [key in K]?: T | null } {
  const value = fields[name]
  if (value === undefined) return {}
  return { [name]: value === null ? null : parse(value, name) } as { [key in K]?: T | null }
}

const refused = (at: string, why: string): CoreError => new CoreError('INVALID_REQUEST', `"${at}" ${why}.`)
