import type { Logger } from 'pino'
import type { Identity } from '#contract/identity.ts'
import { parseSocketAuth } from '#contract/socket-auth.ts'
import { CoreError, errorEntry } from '../errors.ts'
import type { CameFrom, ChatOperations } from './chat-operations.ts'
import type { Verifier } from './handshake.ts'
import type { Membership } from './membership.ts'
import type { PositionsAnswer } from './positions.ts'
import type { Revocations } from './revocations.ts'
import type { NamedIdentity, Session, Sessions } from './sessions.ts'

export type AuthAnswer =
  | { RC: 0; RM: 'OK'; result: { client: string | null; positions?: PositionsAnswer } }
  | { RC: number; RM: string; error: { code: string } }

export type SocketAuthentication = {
  /** Answers an `auth` event, and makes the session what its argument proves: somebody, or anonymous. */
  authenticate(session: Session, argument: unknown): Promise<AuthAnswer>
  /** Makes the session whom the handshake or the CONNECT payload named, if that still stands. */
  welcome(session: Session, identity: NamedIdentity): Promise<boolean>
}

type Parts = {
  verifier: Verifier
  revocations: Revocations
  sessions: Sessions
  membership: Membership
  recordLogin: ChatOperations['recordLogin']
  positionsOf: (session: Session) => Promise<PositionsAnswer | undefined>
  clock: () => number
  log: Logger
}

export function createSocketAuthentication(parts: Parts): SocketAuthentication {
  const { verifier, revocations, sessions, membership, recordLogin, clock, log } = parts

  function release(session: Session): void {
    membership.leave(session)
    sessions.release(session)
  }

  async function welcome(session: Session, signed: NamedIdentity): Promise<boolean> {
    const identity = revocations.renew(signed)
    const stands = session.open && !isOver(identity, clock()) && !revocations.cover(identity)
    // The same user with another token stays in its rooms meanwhile, and misses nothing.
    if (!stands || !isSameUser(session.identity, identity)) release(session)
    if (!stands) return false
    // Bound before anything is awaited: a revocation that comes meanwhile finds the session.
    sessions.identify(session, identity)
    const { turn } = session
    try {
      await Promise.all([
        membership.enter(session),
        identity.kind === 'client' && recordLogin(identity.app, identity.userId, cameFrom(session)),
      ])
    } catch (error) {
      if (session.turn === turn) release(session)
      throw error
    }
    return session.turn === turn
  }

  return {
    welcome,
    async authenticate(session, argument) {
      const claim = parseSocketAuth(argument)
      if (claim === undefined) {
        log.warn({ reason: 'UNSIGNED_AUTH_EVENT' }, 'an auth event came without a signed identity')
        release(session)
        return unauthorised()
      }
      if ('refused' in claim) {
        release(session)
        const { code, RC } = claim.refused
        return { RC, RM: RC === 401 ? errorEntry('UNAUTHORIZED').message : 'Refused.', error: { code } }
      }
      const verified = verifier.verify(claim.identity)
      if ('refused' in verified) {
        log.warn({ reason: verified.refused }, 'an auth event came with an identity that does not stand')
        release(session)
        return unauthorised()
      }
      const { identity } = verified
      if (identity.kind === 'anonymous') {
        release(session)
        return unauthorised()
      }
      if (!(await welcome(session, identity))) return unauthorised()
      // After it is in its rooms: what comes from now on, it hears.
      const positions = await parts.positionsOf(session)
      const client = identity.userId ?? null
      return { RC: 0, RM: 'OK', result: positions === undefined ? { client } : { client, positions } }
    },
  }
}

export function failedAuth(error: unknown): AuthAnswer {
  const code = error instanceof CoreError ? error.code : 'INTERNAL'
  const { status, message } = errorEntry(code)
  return { RC: status, RM: message, error: { code } }
}

function unauthorised(): AuthAnswer {
  const { status, message } = errorEntry('UNAUTHORIZED')
  return { RC: status, RM: message, error: { code: 'UNAUTHORIZED' } }
}

const isOver = ({ expiresAtMs }: NamedIdentity, nowMs: number) =>
  expiresAtMs !== undefined && expiresAtMs <= nowMs

function isSameUser(one: Identity, other: NamedIdentity): boolean {
  return one.kind !== 'anonymous' && one.app === other.app && one.userId === other.userId
}

/** The gateway writes `X-Forwarded-For`: the one address that it holds responsible. */
function cameFrom(session: Session): CameFrom {
  const { headers } = session.conn.request
  const forwarded = headers['x-forwarded-for']
  return {
    address: typeof forwarded === 'string' ? forwarded : session.conn.remoteAddress,
    userAgent: headers['user-agent'],
  }
}
