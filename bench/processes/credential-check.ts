import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { LRUCache } from 'lru-cache'
import { credentialDigest } from '#contract/credential.ts'
import { IDENTITY_HEADER } from '#contract/identity.ts'
import type { Introspection } from '#contract/internal.ts'
import { parseSigningKeys, signIdentity } from '#contract/signature.ts'

// What rivals in Node do for client tokens: the same work as the gateway's.

type Known = { userId: string; credentialId: string; signed: string; signedAtMs: number }

export type CredentialCheck = {
  /** The signed identity, undefined where there is none; synchronous when cached. */
  check(headers: IncomingHttpHeaders): string | undefined | Promise<string | undefined>
}

const SIGNATURE_REUSE_MS = 20_000
const DROPPED = new Set([
  IDENTITY_HEADER,
  'im-client-key',
  'client-key',
  'im-authorization',
  'authorization',
  'im-api-key',
  'api-key',
  'im-client-id',
  'im-device-id',
  'x-forwarded-for',
  'forwarded',
])

export function createCredentialCheck(env: NodeJS.ProcessEnv): CredentialCheck {
  const { CORE_INTERNAL_URL = '', IDENTITY_KEYS = '', APP = '', CLIENT_KEY = '' } = env
  const signingKeys = parseSigningKeys(IDENTITY_KEYS)
  const clientKey = Buffer.from(CLIENT_KEY)
  const known = new LRUCache<string, Known>({ max: 100_000, ttl: 60_000 })

  function isClientKey(given: string): boolean {
    const bytes = Buffer.from(given)
    return bytes.length === clientKey.length && timingSafeEqual(bytes, clientKey)
  }

  async function introspect(digest: string): Promise<Known | undefined> {
    const answer = await fetch(`${CORE_INTERNAL_URL}/introspect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'client-token', digest }),
    })
    if (!answer.ok) throw new Error(`introspection answered ${answer.status}`)
    const found = (await answer.json()) as Introspection
    if (!found.active || found.grant.kind !== 'client-token') return undefined
    return { userId: found.grant.userId, credentialId: digest, signed: '', signedAtMs: 0 }
  }

  function signedFor(credential: Known): string {
    const now = Date.now()
    if (now - credential.signedAtMs >= SIGNATURE_REUSE_MS) {
      const { userId, credentialId } = credential
      const identity = {
        kind: 'client',
        app: APP,
        userId,
        deviceId: undefined,
        credentialId,
        expiresAtMs: undefined,
      } as const
      credential.signed = signIdentity(identity, signingKeys, now)
      credential.signedAtMs = now
    }
    return credential.signed
  }

  return {
    check(headers) {
      const key = textOf(headers['im-client-key'] ?? headers.client_key)
      const token = textOf(headers['im-authorization'] ?? headers.authorization).replace(/^Bearer /, '')
      if (!isClientKey(key) || token === '') return undefined
      const digest = credentialDigest('client-token', APP, token)
      const credential = known.get(digest)
      if (credential !== undefined) return signedFor(credential)
      return introspect(digest).then((found) => {
        if (found === undefined) return undefined
        known.set(digest, found)
        return signedFor(found)
      })
    },
  }
}

/** A request's headers without credentials and what is reserved, in whatever spelling. */
export function withoutReserved(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {}
  for (const name in headers) if (!DROPPED.has(fold(name))) kept[name] = headers[name]
  return kept
}

const fold = (name: string): string => name.toLowerCase().replace(/[_.]/g, '-')

const textOf = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? ''
