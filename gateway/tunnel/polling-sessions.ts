import { LRUCache } from 'lru-cache'
import { type Bearer, Bearers } from './bearers.ts'
import type { NamedIdentity } from './exchange.ts'

type Session = Bearer & { isRevoked: boolean }

/** Who a long-polling session has authenticated as, by its Engine.IO session id; bounded and forgotten in time. */
export type PollingSessions = {
  bind(sid: string, identity: NamedIdentity): void
  /** Undefined: it has not authenticated, or is not known here. */
  identityOf(sid: string): NamedIdentity | undefined
  /** Its credential was revoked or has expired: its requests are refused with 401. */
  isRevoked(sid: string): boolean
  renewCredential(credentialId: string, expiresAtMs: number | null): void
  revokeCredential(credentialId: string): void
  revokeUser(app: string, userId: string): void
  revokeApp(app: string): void
  revokeAll(): void
  count(): number
}

const MAX_SESSIONS = 50_000
/** A session polls at least at every ping, so one that is not seen for so long is over. */
const FORGOTTEN_MS = 300_000

export function createPollingSessions(
  clock: () => number,
  { maxSessions = MAX_SESSIONS, forgottenMs = FORGOTTEN_MS, steadyClock = clock } = {},
): PollingSessions {
  const bearers = new Bearers<Session>()
  const sessions = new LRUCache<string, Session>({
    max: maxSessions,
    ttl: forgottenMs,
    ttlResolution: 0,
    updateAgeOnGet: true,
    perf: { now: steadyClock },
    dispose: (session) => bearers.bind(session, undefined),
  })

  let purgedMs = steadyClock()

  /** By itself the cache lets go only of what is asked for again, and nobody asks for a session that is over. */
  function purge(): void {
    const nowMs = steadyClock()
    if (nowMs - purgedMs < forgottenMs) return
    purgedMs = nowMs
    sessions.purgeStale()
  }

  function revoke(revoked: Session[]): void {
    for (const session of revoked) session.isRevoked = true
  }

  return {
    bind(sid, identity) {
      let session = sessions.get(sid)
      if (session === undefined) {
        purge()
        session = { identity: undefined, isRevoked: false }
        sessions.set(sid, session)
      }
      bearers.bind(session, identity)
    },
    identityOf: (sid) => sessions.get(sid)?.identity,
    isRevoked(sid) {
      const session = sessions.get(sid)
      if (session === undefined) return false
      const expiresAtMs = session.identity?.expiresAtMs
      return session.isRevoked || (expiresAtMs !== undefined && expiresAtMs <= clock())
    },
    renewCredential: (credentialId, expiresAtMs) => bearers.renew(credentialId, expiresAtMs),
    revokeCredential: (credentialId) => revoke(bearers.ofCredential(credentialId)),
    revokeUser: (app, userId) => revoke(bearers.ofUser(app, userId)),
    revokeApp: (app) => revoke(bearers.ofApp(app)),
    revokeAll: () => revoke([...sessions.values()]),
    count: () => sessions.size,
  }
}
