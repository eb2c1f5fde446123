import type { Queryable } from '../store/database.ts'
import { insertMessage, type MessageRow } from '../store/messages.ts'
import type { RoomRow } from '../store/rooms.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { User } from './model.ts'

/** Made by the server alone: clients break on one whose content is missing. */
export const SYSTEM_TYPES: ReadonlySet<string> = new Set([
  'joinRoom',
  'leaveRoom',
  'addMember',
  'addMembers',
  'deleteMember',
  'deleteMembers',
  'cancelInvitations',
  'assignAdmin',
])

type SubjectType = 'addMember' | 'addMembers' | 'deleteMember' | 'assignAdmin' | 'cancelInvitations'
export type SystemMessage = { type: 'joinRoom' | 'leaveRoom' } | { type: SubjectType; subjects: User[] }

/** Shipped clients lose a message without a sender, so a server that acts for nobody speaks as somebody inside. */
export const speaker = (actor: Actor, room: RoomRow, concerned: readonly string[]): string | undefined =>
  actor.userId ?? room.ownerId ?? concerned[0]

export async function postSystemMessage(
  ctx: ChatContext,
  tx: Queryable,
  app: string,
  roomId: string,
  senderId: string | undefined,
  system: SystemMessage,
): Promise<MessageRow[]> {
  const { message, fields } = contentOf(system)
  const row = await insertMessage(
    tx,
    app,
    {
      id: ctx.newId(),
      roomId,
      senderId,
      clientMessageId: undefined,
      messageType: system.type,
      message: JSON.stringify(message),
      fields: JSON.stringify(fields),
      replyId: undefined,
      mentions: [],
      counts: false,
      onlyIfMember: undefined,
      followUps: { push: false, webhook: false },
    },
    now(ctx),
  )
  return row === undefined ? [] : [row]
}

/** Stored as clients read it. Old and new clients look for the members in different places. */
function contentOf(system: SystemMessage): { message: string; fields: Record<string, unknown> } {
  if (!('subjects' in system)) return { message: '', fields: {} }
  const people = system.subjects.map(({ id, nickname, avatarUrl }) => ({ _id: id, id, nickname, avatarUrl }))
  const message = people.map((person) => person.nickname ?? person.id).join(', ')
  const [member] = people
  switch (system.type) {
    case 'addMember':
      return { message, fields: { member, extra: { invitees: people } } }
    case 'addMembers':
    case 'cancelInvitations':
      return { message, fields: { extra: { invitees: people } } }
    case 'deleteMember':
    case 'assignAdmin':
      return { message, fields: { member, extra: { members: people } } }
  }
}
