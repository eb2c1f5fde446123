import type { Logger } from 'pino'
import { MAX_ROOMS_TOLD } from '../store/positions.ts'
import type { ChatOperations } from './chat-operations.ts'
import { encode } from './encoding.ts'
import type { RealtimeLimits } from './limits.ts'
import type { Membership } from './membership.ts'
import type { Session, Sessions } from './sessions.ts'

/** Where rooms are, by their ids. Not complete: there are more rooms, that were active earlier. */
export type PositionsAnswer = { rooms: Record<string, Position>; complete: boolean }
type Position = { seq: number; evSeq: number }

export type PositionChecks = {
  /** For the answer to `auth`; undefined where the socket has not asked. */
  current(session: Session): Promise<PositionsAnswer | undefined>
  close(): void
}

type Parts = {
  sessions: Sessions
  membership: Membership
  chat: Pick<ChatOperations, 'latestPositions' | 'positionsOfUsers'>
  limits: RealtimeLimits
  log: Logger
}

type Known = Session & { identity: { app: string; userId: string } }

const USERS_AT_ONCE = 50

/**
 * What Redis or a dying core lost shows as a gap, but only with the next message. So sockets that asked are told from
 * the database, from time to time, where those of their rooms are in which something happened since.
 */
export function createPositionChecks({ sessions, membership, chat, limits, log }: Parts): PositionChecks {
  /** As of the last check, by app and room. */
  let before = new Map<string, Position>()
  let closed = false
  let timer: NodeJS.Timeout | undefined

  function later(): void {
    const waitMs = limits.positionCheckMs * (1 + Math.random() / 5)
    timer = setTimeout(() => {
      check()
        .catch((err: unknown) => {
          if (!closed)
            log.warn({ err, reason: 'POSITIONS_UNREAD' }, 'the positions of rooms could not be read')
        })
        .finally(() => {
          if (!closed) later()
        })
    }, waitMs).unref()
  }

  async function check(): Promise<void> {
    const now = new Map<string, Position>()
    const asking = [...sessions.all()].filter(isAsking)
    for (const [app, ofApp] of Map.groupBy(asking, (session) => session.identity.app))
      for (const some of inParts([...Map.groupBy(ofApp, (session) => session.identity.userId)]))
        await checkUsers(app, new Map(some), now)
    before = now
  }

  async function checkUsers(
    app: string,
    users: Map<string, Known[]>,
    now: Map<string, Position>,
  ): Promise<void> {
    const found = await chat.positionsOfUsers(app, [...users.keys()])
    const byUser = Map.groupBy(found, (place) => place.userId)
    for (const [userId, ofUser] of users) {
      const places = byUser.get(userId) ?? []
      const moved: Array<[string, Position]> = []
      for (const { roomId, seq, evSeq } of places) {
        const key = JSON.stringify([app, roomId])
        const known = before.get(key)
        now.set(key, { seq, evSeq })
        if (known?.seq !== seq || known.evSeq !== evSeq) moved.push([roomId, { seq, evSeq }])
      }
      for (const session of ofUser) {
        if (isOutOfStep(session, places)) await membership.enter(session)
        if (moved.length === 0 || !isAsking(session)) continue
        session.socket?.emit('positions', encode({ rooms: Object.fromEntries(moved) }, session.encoding))
      }
    }
  }

  later()
  return {
    async current(session) {
      if (!isAsking(session)) return undefined
      const { rooms, complete } = await chat.latestPositions(session.identity.app, session.identity.userId)
      return {
        rooms: Object.fromEntries(rooms.map(({ roomId, ...position }) => [roomId, position])),
        complete,
      }
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** Its user joined or left a room on another core, of which this one did not hear. */
const isOutOfStep = ({ roomIds }: Session, places: ReadonlyArray<{ roomId: string }>): boolean =>
  places.length < MAX_ROOMS_TOLD &&
  (places.length !== roomIds.size || places.some(({ roomId }) => !roomIds.has(roomId)))

const isAsking = (session: Session): session is Known =>
  session.wantsPositions && session.identity.kind !== 'anonymous' && session.identity.userId !== undefined

function inParts<T>(all: T[]): T[][] {
  const parts: T[][] = []
  for (let start = 0; start < all.length; start += USERS_AT_ONCE)
    parts.push(all.slice(start, start + USERS_AT_ONCE))
  return parts
}
