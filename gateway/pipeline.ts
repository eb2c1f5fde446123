/**
 * The one place where a request's fate is decided. HTTP requests, polling requests, upgrades and the sockets'
 * `auth` events all come here with normalised credentials and leave with a signed identity or a refusal.
 *
 *   normalise (headers/normalise.ts, or the event's arguments) → extract → authenticate → sign → inject
 */
import type { Identity } from '#contract/identity.ts'
import { type SigningKey, signIdentity } from '#contract/signature.ts'
import type { Credentials, Origin, Outcome, Proof } from './authn/authenticator.ts'
import type { ErrorCode } from './errors.ts'

/**
 * What an address asks for: a user or a platform key; at least a client key; nothing (credentials are not even
 * looked at); or a socket, which may be anonymous but must not present a bad credential.
 */
export type Need = 'identity' | 'client-key' | 'nothing' | 'socket'

export type Admission =
  | {
      ok: true
      identity: Identity
      /** The `IM-Identity` text. */
      signed: string
      /** Undefined = anonymous. */
      proof: Proof | undefined
    }
  | { ok: false; code: ErrorCode }

/** Synchronous where everything is cached. Throws GatewayError AUTHENTICATION_UNAVAILABLE when it cannot tell. */
export type Admit = (credentials: Credentials, origin: Origin, need?: Need) => Admission | Promise<Admission>

export type PipelineParts = {
  authenticate: (
    credentials: Credentials,
    origin: Origin,
  ) => Outcome | undefined | Promise<Outcome | undefined>
  signingKeys: () => readonly SigningKey[]
  clock: () => number
}

/** A signature is used again this long, well inside its lifetime of 60 s. */
const SIGNATURE_REUSE_MS = 20_000

export function createPipeline(parts: PipelineParts): { admit: Admit } {
  const anonymousSignatures = new Map<string | undefined, { atMs: number; text: string }>()

  function admit(
    presented: Credentials,
    origin: Origin,
    need: Need = 'identity',
  ): Admission | Promise<Admission> {
    if (need === 'nothing') return anonymous(undefined)
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
      return need === 'socket' ? anonymous(origin.app) : { ok: false, code: 'MISSING_CREDENTIALS' }
    if ('refused' in outcome) return { ok: false, code: outcome.refused }
    const { proof } = outcome
    if (proof.kind !== 'client-key') return vouch(proof, credentials)
    return need === 'identity' ? { ok: false, code: 'MISSING_TOKEN' } : anonymous(proof)
  }

  function vouch(proof: Proof, credentials: Credentials): Admission {
    const { deviceId } = credentials
    const actingUserId = proof.kind === 'platform' ? credentials.actingUserId : undefined
    const identity = identityOf(proof, deviceId, actingUserId)
    const kept = proof.signature
    const now = parts.clock()
    if (
      kept !== undefined &&
      now - kept.atMs < SIGNATURE_REUSE_MS &&
      kept.deviceId === deviceId &&
      kept.actingUserId === actingUserId
    )
      return { ok: true, identity, signed: kept.text, proof }
    const text = signIdentity(identity, parts.signingKeys(), now)
    proof.signature = { deviceId, actingUserId, atMs: now, text }
    return { ok: true, identity, signed: text, proof }
  }

  function anonymous(from: Proof | string | undefined): Admission {
    const proof = typeof from === 'object' ? from : undefined
    const app = typeof from === 'object' ? from.app : from
    const identity: Identity = { kind: 'anonymous', app }
    const now = parts.clock()
    let kept = anonymousSignatures.get(app)
    if (kept === undefined || now - kept.atMs >= SIGNATURE_REUSE_MS) {
      kept = { atMs: now, text: signIdentity(identity, parts.signingKeys(), now) }
      anonymousSignatures.set(app, kept)
    }
    return { ok: true, identity, signed: kept.text, proof }
  }

  return { admit }
}

function identityOf(proof: Proof, deviceId: string | undefined, actingUserId: string | undefined): Identity {
  const { app, credentialId, expiresAtMs } = proof
  if (proof.kind === 'platform')
    return { kind: 'platform', app, userId: actingUserId, deviceId, credentialId, expiresAtMs }
  return { kind: 'client', app, userId: proof.userId ?? '', deviceId, credentialId, expiresAtMs }
}
