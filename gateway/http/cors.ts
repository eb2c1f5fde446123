/**
 * CORS, answered here for every answer, errors included: without the header on a 401 a browser client sees a
 * network error and its sign-in flow never starts. Credentials mode is never allowed: clients send headers,
 * not cookies.
 */
import { originAllowed } from '../headers/origin.ts'

const METHODS = 'GET, HEAD, PUT, PATCH, POST, DELETE'

/** Listed one by one: `*` never covers `Authorization`. */
const REQUEST_HEADERS = [
  'Accept',
  'Accept-Language',
  'API_KEY',
  'Authorization',
  'CLIENT_KEY',
  'Content-Type',
  'IM-API-KEY',
  'IM-Authorization',
  'IM-Client-ID',
  'IM-Client-Key',
  'IM-Device-ID',
  'Origin',
  'Range',
  'X-Requested-With',
  'X-Timezone',
].join(', ')

const EXPOSED = 'Content-Disposition, Content-Length, Content-Range, ETag, Retry-After, X-Request-ID'
const MAX_AGE_S = '86400'

const ANY = ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', EXPOSED]
const NONE: readonly string[] = ['Vary', 'Origin']

const MAX_ORIGINS = 256
const granted = new Map<string, readonly string[]>()

/** Fields for an answer, flat name, value, …; the same array again for the same, so that its text can be kept. */
export function corsFields(origin: string | undefined, allowed: readonly string[]): readonly string[] {
  if (allowed[0] === '*') return ANY
  if (origin === undefined || !originAllowed(origin, allowed)) return NONE
  return grantedTo(origin)
}

function grantedTo(origin: string): readonly string[] {
  const known = granted.get(origin)
  if (known !== undefined) return known
  const fields = ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', EXPOSED, ...NONE]
  if (granted.size >= MAX_ORIGINS) granted.clear()
  granted.set(origin, fields)
  return fields
}

/** Fields for a preflight's 204. It carries no credentials, so no app is known: the deployment's origins decide. */
export function preflightFields(origin: string | undefined, allowed: readonly string[]): readonly string[] {
  const granted = corsFields(origin, allowed)
  if (granted === NONE) return NONE
  return [
    ...granted,
    'Access-Control-Allow-Methods',
    METHODS,
    'Access-Control-Allow-Headers',
    REQUEST_HEADERS,
    'Access-Control-Max-Age',
    MAX_AGE_S,
  ]
}
