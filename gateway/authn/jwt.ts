import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import type { JwtKeys } from '#contract/internal.ts'
import type { Observe } from './authn-event.ts'
import type { KeySets } from './key-sets.ts'
import {
  parseTimeClaim,
  parseVouchedId,
  parseVouchedProfile,
  type TokenVerifier,
  type Verdict,
} from './token-verifier.ts'

const SKEW_S = 5
const CACHE_MS = 600_000
const USER_ID_CLAIMS = ['id', '_id', 'sub']
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/

type Parts = { keySets: KeySets; clock: () => number; observe: Observe }

/**
 * Verifies tokens by an app's JWT keys. The app's algorithm decides which key there is, so no header can have a public
 * key taken for a secret; of the header only `alg` (against the pinned) and `kid` (within the app's set) are looked at.
 */
export function createJwtVerifier({ keySets, clock, observe }: Parts): TokenVerifier {
  async function check(
    token: string,
    header: JWTHeaderParameters,
    app: string,
    keys: JwtKeys,
  ): Promise<Verdict> {
    const { issuer, audience } = keys
    const options: JWTVerifyOptions = {
      algorithms: algorithmsOf(keys),
      requiredClaims: ['exp'],
      clockTolerance: SKEW_S,
      currentDate: new Date(clock()),
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    }
    try {
      const key =
        'secret' in keys
          ? new TextEncoder().encode(keys.secret)
          : await keySets.find({ app, url: keys.jwksUrl, header, issuedAtMs: issuedAt(token) })
      if (key === null) return null
      const { payload } = await jwtVerify(token, key, options)
      return toUser(payload, keys)
    } catch (error) {
      if (error instanceof errors.JOSEError) return null
      throw error
    }
  }

  return {
    name: 'jwt',
    verify(token, app, { jwt }) {
      if (jwt === undefined) return undefined
      const header = parseHeader(token)
      if (header === undefined || !algorithmsOf(jwt).includes(header.alg)) return undefined
      return check(token, header, app, jwt).then(
        (verdict) => {
          observe(verdict === null ? 'jwt-refused' : 'jwt-verified')
          return verdict
        },
        (error: unknown) => {
          observe('jwt-failed')
          throw error
        },
      )
    },
  }
}

function algorithmsOf(keys: JwtKeys): string[] {
  return 'secret' in keys ? [keys.algorithm] : [...keys.algorithms]
}

/** Undefined for what is no JWT. */
function parseHeader(token: string): JWTHeaderParameters | undefined {
  if (!COMPACT_JWS.test(token)) return undefined
  try {
    const { alg, ...header } = decodeProtectedHeader(token)
    return typeof alg === 'string' ? { ...header, alg } : undefined
  } catch {
    return undefined
  }
}

/** Read before the signature is checked. @throws JOSEError where the payload is unreadable */
const issuedAt = (token: string): number | undefined => parseTimeClaim(decodeJwt(token).iat)

function toUser(payload: JWTPayload, { userIdClaim }: JwtKeys): Verdict {
  const claims = userIdClaim === undefined ? USER_ID_CLAIMS : [userIdClaim]
  const named = claims.find((claim) => Object.hasOwn(payload, claim))
  const userId = named === undefined ? undefined : parseVouchedId(payload[named])
  const expiresAtMs = parseTimeClaim((payload.exp ?? Number.NaN) + SKEW_S)
  if (userId === undefined || expiresAtMs === undefined) return null
  const { nickname, avatarUrl } = payload
  return {
    userId,
    ...parseVouchedProfile({ nickname, avatarUrl }),
    // One that does not say counts as older than any revocation.
    issuedAtMs: parseTimeClaim(payload.iat) ?? 0,
    expiresAtMs,
    cacheMs: CACHE_MS,
  }
}
