/**
 * The one place where a request's fate is decided. HTTP requests, polling requests, upgrades and the sockets'
 * `auth` events all come here with normalised credentials and leave with a signed identity or a refusal.
 *
 *   normalise (headers/normalise.ts, or the event's arguments) → extract → authenticate → limit → sign → inject
 */
import { IDENTITY_HEADER, type Identity } from '#contract/identity.ts'
import { type SigningKey, signIdentity } from '#contract/signature.ts'
import type { Credentials, Origin, Outcome, Proof } from './authn/authenticator.ts'
import type { ErrorCode } from './errors.ts'
import { type FieldLine, keptLine, ownLine, ownName } from './headers/field-lines.ts'
import { originAllowed } from './headers/origin.ts'
import type { RateLimits } from './limits/rate-limits.ts'

/**
 * What an address asks for: a user or a platform key; at least a client key; nothing (credentials are not even
 * looked at); or a socket, which may be anonymous but must not present a bad credential. A session is a socket's that
 * long-polls: it was opened before, and whoever knows it counts its requests (http/polling.ts).
 */
export type Need = 'identity' | 'client-key' | 'nothing' | 'socket' | 'session'

export type Admission =
  | {
      ok: true
      identity: Identity
      /** The `IM-Identity` field. */
      signed: FieldLine
      /** Undefined = anonymous. */
      proof: Proof | undefined
    }
  | Refusal

/** `retryAfterS` where the refusal is a rate limit's. */
export type Refusal = { ok: false; code: ErrorCode; retryAfterS?: number }

/** Synchronous where everything is cached. Throws GatewayError AUTHENTICATION_UNAVAILABLE when it cannot tell. */
export type Admit = (credentials: Credentials, origin: Origin, need?: Need) => Admission | Promise<Admission>

export type PipelineParts = {
  authenticate: (
    credentials: Credentials,
    origin: Origin,
  ) => Outcome | undefined | Promise<Outcome | undefined>
  /** Answers another array only where the keys have changed. */
  signingKeys: () => readonly SigningKey[]
  clock: () => number
  limits: Pick<RateLimits, 'identified' | 'anonymous' | 'refused'>
}

/** A signature is used again this long, well inside its lifetime of 60 s. */
const SIGNATURE_REUSE_MS = 20_000

export function createPipeline(parts: PipelineParts): { admit: Admit } {
  const { limits } = parts
  type Signature = { atMs: number; keys: readonly SigningKey[]; field: FieldLine }
  const anonymousSignatures = new Map<string | undefined, Signature>()

  function admit(
    presented: Credentials,
    origin: Origin,
    need: Need = 'identity',
  ): Admission | Promise<Admission> {
    if (need === 'nothing') return anonymous(undefined, origin)
    const credentials = need === 'client-key' ? { ...presented, clientToken: undefined } : presented
    const outcome = parts.authenticate(credentials, origin)
    return outcome instanceof Promise
      ? outcome.then((found) => decide(found, credentials, origin, need))
      : decide(outcome, credentials, origin, need)
  }

  function decide(
    outcome: Outcome | undefined,
    credentials: Credentials,
    origin: Origin,
    need: Need,
  ): Admission {
    if (outcome === undefined)
      return need === 'socket' || need === 'session'
        ? anonymous(origin.app, origin, need)
        : refuse('MISSING_CREDENTIALS', origin)
    if ('refused' in outcome) return refuse(outcome.refused, origin)
    const { proof } = outcome
    if (!mayOpenSocket(proof, origin)) return refuse('ORIGIN_NOT_ALLOWED', origin)
    if (proof.kind !== 'client-key') return vouch(proof, proof.kind, credentials)
    return need === 'identity' ? refuse('MISSING_TOKEN', origin) : anonymous(proof, origin, need)
  }

  function refuse(code: ErrorCode, { address }: Origin): Refusal {
    const waitS = limits.refused(address)
    return waitS === 0 ? { ok: false, code } : tooMany(waitS)
  }

  function vouch(proof: Proof, kind: 'client' | 'platform', credentials: Credentials): Admission {
    const waitS = limits.identified(kind, proof.credentialId, proof)
    if (waitS > 0) return tooMany(waitS)
    const { deviceId } = credentials
    const actingUserId = kind === 'platform' ? credentials.actingUserId : undefined
    const identity = identityOf(proof, deviceId, actingUserId)
    const kept = proof.signature
    const keys = parts.signingKeys()
    const now = parts.clock()
    if (
      kept !== undefined &&
      isFresh(kept.atMs, now) &&
      kept.keys === keys &&
      kept.deviceId === deviceId &&
      kept.actingUserId === actingUserId
    )
      return { ok: true, identity, signed: kept.field, proof }
    const field = signedField(identity, keys, now)
    proof.signature = { deviceId, actingUserId, atMs: now, keys, field }
    return { ok: true, identity, signed: field, proof }
  }

  /** A `session` was counted when it began. */
  function anonymous(from: Proof | string | undefined, { address }: Origin, need?: Need): Admission {
    const waitS = need === 'session' ? 0 : limits.anonymous(address)
    if (waitS > 0) return tooMany(waitS)
    const proof = typeof from === 'object' ? from : undefined
    const app = typeof from === 'object' ? from.app : from
    const identity: Identity = { kind: 'anonymous', app }
    const now = parts.clock()
    const keys = parts.signingKeys()
    let kept = anonymousSignatures.get(app)
    if (kept === undefined || !isFresh(kept.atMs, now) || kept.keys !== keys) {
      kept = { atMs: now, keys, field: signedField(identity, keys, now) }
      anonymousSignatures.set(app, kept)
    }
    return { ok: true, identity, signed: kept.field, proof }
  }

  return { admit }
}

const IDENTITY = ownName(IDENTITY_HEADER)

const signedField = (identity: Identity, keys: readonly SigningKey[], nowMs: number): FieldLine =>
  keptLine(ownLine(IDENTITY, signIdentity(identity, keys, nowMs)))

/** One of the future was made when the clock was ahead: the core would refuse it until then. */
const isFresh = (atMs: number, nowMs: number): boolean => atMs <= nowMs && nowMs - atMs < SIGNATURE_REUSE_MS

const tooMany = (retryAfterS: number): Refusal => ({ ok: false, code: 'RATE_LIMIT_EXCEEDED', retryAfterS })

function identityOf(proof: Proof, deviceId: string | undefined, actingUserId: string | undefined): Identity {
  const { app, credentialId, expiresAtMs } = proof
  if (proof.kind === 'platform')
    return { kind: 'platform', app, userId: actingUserId, deviceId, credentialId, expiresAtMs }
  return { kind: 'client', app, userId: proof.userId ?? '', deviceId, credentialId, expiresAtMs }
}

/** CORS does not hold for sockets, and which app one is for is mostly known only when it authenticates. */
function mayOpenSocket({ settings }: Proof, { origin, socket }: Origin): boolean {
  return socket !== true || origin === undefined || originAllowed(origin, settings.origins)
}
