import { randomBytes } from 'node:crypto'
import type { Socket } from 'socket.io'
import type { AnonymousIdentity, ClientIdentity, Identity, PlatformIdentity } from '#contract/identity.ts'
import type { Encoding } from './encoding.ts'

export type NamedIdentity = ClientIdentity | PlatformIdentity

/** One Engine.IO connection, whatever its transport, and who it is. */
export type Session = {
  /** The Engine.IO session id. */
  readonly id: string
  /** What others may know it by: who knows the Engine.IO id can poll in its place. In the order of opening. */
  readonly shownId: string
  readonly openedAtMs: number
  readonly conn: Socket['conn']
  /** Who made the handshake: whoever speaks for this session on any transport must be the same. */
  readonly handshake: Identity
  /** Who it is now; anonymous until an `auth` event where the handshake named nobody. */
  identity: Identity
  anonymousSinceMs: number
  /** Grows with every change of identity, so that slow work for an earlier one can tell. */
  turn: number
  open: boolean
  encoding: Encoding
  /** Whether it asked (`conf {positions: true}`) to be told where its rooms are. */
  wantsPositions: boolean
  /** Its socket on the main namespace, once connected. */
  socket: Socket | undefined
  /** The chat rooms it is in, as ids. */
  readonly roomIds: Set<string>
  /** Rooms its user joined (true) or left while their list is being read; undefined when it isn't. */
  movedMeanwhile: Map<string, boolean> | undefined
}

export type Sessions = {
  open(id: string, conn: Socket['conn'], handshake: Identity): Session
  get(id: string): Session | undefined
  identify(session: Session, identity: NamedIdentity): void
  /** Those of a credential end with it, at another time than was said. */
  renew(credentialId: string, expiresAtMs: number | null): void
  /** Makes it anonymous. The rooms that it is in are `membership`'s to leave. */
  release(session: Session): void
  /** Forgets it; a closed session is never bound again. */
  close(session: Session): void
  ofUser(app: string, userId: string): Iterable<Session>
  ofCredential(credentialId: string): Iterable<Session>
  all(): Iterable<Session>
  count(): number
  /** Those whose app is known. */
  countByApp(): Map<string, number>
}

export function createSessions(clock: () => number): Sessions {
  const byId = new Map<string, Session>()
  const byUser = new Map<string, Set<Session>>()
  const byCredential = new Map<string, Set<Session>>()

  function unbind(session: Session): void {
    const { identity } = session
    session.turn += 1
    if (identity.kind === 'anonymous') return
    drop(byCredential, identity.credentialId, session)
    if (identity.userId !== undefined) drop(byUser, userKey(identity.app, identity.userId), session)
    session.identity = nobodyOf(identity.app)
    session.anonymousSinceMs = clock()
  }

  return {
    open(id, conn, handshake) {
      const openedAtMs = clock()
      const session: Session = {
        id,
        shownId: `${openedAtMs.toString(36).padStart(9, '0')}-${randomBytes(6).toString('base64url')}`,
        openedAtMs,
        conn,
        handshake,
        identity: nobodyOf(handshake.app),
        anonymousSinceMs: openedAtMs,
        turn: 0,
        open: true,
        encoding: 'plain',
        wantsPositions: false,
        socket: undefined,
        roomIds: new Set(),
        movedMeanwhile: undefined,
      }
      byId.set(id, session)
      return session
    },
    get: (id) => byId.get(id),
    identify(session, identity) {
      unbind(session)
      session.identity = identity
      add(byCredential, identity.credentialId, session)
      if (identity.userId !== undefined) add(byUser, userKey(identity.app, identity.userId), session)
    },
    renew(credentialId, expiresAtMs) {
      for (const session of byCredential.get(credentialId) ?? [])
        if (session.identity.kind !== 'anonymous')
          session.identity = { ...session.identity, expiresAtMs: expiresAtMs ?? undefined }
    },
    release: unbind,
    close(session) {
      session.open = false
      unbind(session)
      byId.delete(session.id)
    },
    // Copies: closing or releasing one while walking them changes the sets.
    ofUser: (app, userId) => [...(byUser.get(userKey(app, userId)) ?? [])],
    ofCredential: (credentialId) => [...(byCredential.get(credentialId) ?? [])],
    all: () => byId.values(),
    count: () => byId.size,
    countByApp() {
      const counts = new Map<string, number>()
      for (const { identity } of byId.values())
        if (identity.app !== undefined) counts.set(identity.app, (counts.get(identity.app) ?? 0) + 1)
      return counts
    },
  }
}

const userKey = (app: string, userId: string) => JSON.stringify([app, userId])

const nobodyOf = (app: string | undefined): AnonymousIdentity => ({ kind: 'anonymous', app })

function add(index: Map<string, Set<Session>>, key: string, session: Session): void {
  const sessions = index.get(key)
  if (sessions === undefined) index.set(key, new Set([session]))
  else sessions.add(session)
}

function drop(index: Map<string, Set<Session>>, key: string, session: Session): void {
  const sessions = index.get(key)
  sessions?.delete(session)
  if (sessions?.size === 0) index.delete(key)
}
