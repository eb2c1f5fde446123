import type { ChatOperations } from './chat-operations.ts'
import type { Encoding } from './encoding.ts'
import { roomName, userRoomName } from './room-names.ts'
import type { Session, Sessions } from './sessions.ts'

/** Who joined or left a room; told to every core. */
export type Movement = { app: string; roomId: string; userIds: readonly string[]; joined: boolean }

export type Membership = {
  /**
   * Brings a session into its user's rooms, or back into step with them. A list takes a moment to read: what moved
   * meanwhile is newer than the list, so that an old one never brings a removed member back.
   */
  enter(session: Session): Promise<void>
  leave(session: Session): void
  move(movement: Movement): void
  changeEncoding(session: Session, encoding: Encoding): void
}

export function createMembership(sessions: Sessions, roomIdsOf: ChatOperations['roomIdsOf']): Membership {
  function namesOf(session: Session): string[] {
    const { identity, encoding } = session
    if (identity.kind === 'anonymous' || identity.userId === undefined) return []
    const names = [userRoomName(identity.app, identity.userId, encoding)]
    for (const roomId of session.roomIds) names.push(roomName(identity.app, roomId, encoding))
    return names
  }

  return {
    async enter(session) {
      const { identity, turn } = session
      if (identity.kind === 'anonymous' || identity.userId === undefined) return
      const moved = new Map<string, boolean>()
      session.movedMeanwhile = moved
      void session.socket?.join(namesOf(session))
      const roomIds = new Set(await roomIdsOf(identity.app, identity.userId))
      if (session.turn !== turn || session.movedMeanwhile !== moved) return
      session.movedMeanwhile = undefined
      for (const [roomId, joined] of moved) {
        if (joined) roomIds.add(roomId)
        else roomIds.delete(roomId)
      }
      for (const roomId of session.roomIds) if (!roomIds.has(roomId)) leaveRoom(session, identity.app, roomId)
      for (const roomId of roomIds) session.roomIds.add(roomId)
      void session.socket?.join(namesOf(session))
    },

    leave(session) {
      for (const name of namesOf(session)) void session.socket?.leave(name)
      session.roomIds.clear()
      session.movedMeanwhile = undefined
    },

    move({ app, roomId, userIds, joined }) {
      for (const userId of userIds)
        for (const session of sessions.ofUser(app, userId)) {
          session.movedMeanwhile?.set(roomId, joined)
          if (!joined) leaveRoom(session, app, roomId)
          else {
            session.roomIds.add(roomId)
            void session.socket?.join(roomName(app, roomId, session.encoding))
          }
        }
    },

    changeEncoding(session, encoding) {
      if (session.encoding === encoding) return
      for (const name of namesOf(session)) void session.socket?.leave(name)
      session.encoding = encoding
      void session.socket?.join(namesOf(session))
    },
  }
}

function leaveRoom(session: Session, app: string, roomId: string): void {
  session.roomIds.delete(roomId)
  void session.socket?.leave(roomName(app, roomId, session.encoding))
}
