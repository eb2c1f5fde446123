/** Rows to the chat's words: each kind of thing is fetched once for the whole set, however many there are. */

import { type BlockRow, findBlocksOfRooms } from '../store/blocks.ts'
import type { Queryable } from '../store/database.ts'
import { findGroupMembers } from '../store/groups.ts'
import { findSomeMembers } from '../store/member-pages.ts'
import { findMembers, type MemberRow } from '../store/members.ts'
import { findReactions } from '../store/message-changes.ts'
import { findMessagesById, findMessagesBySeq, type MessageRow } from '../store/messages.ts'
import { defaultRoomPref, findRoomPrefs } from '../store/room-prefs.ts'
import { findRooms, type RoomRow } from '../store/rooms.ts'
import { findUsers, toUser, type UserRow } from '../store/users.ts'
import type { Actor } from './context.ts'
import type { Member, Message, Room, RoomPref, User } from './model.ts'
import { isSuperuser } from './room-access.ts'

const key = (roomId: string, id: string) => JSON.stringify([roomId, id])

export async function populateMessages(q: Queryable, app: string, rows: MessageRow[]): Promise<Message[]> {
  const replies = await findMessagesById(
    q,
    app,
    rows.flatMap(({ roomId, replyId }) => (replyId === null ? [] : [{ roomId, id: replyId }])),
  )
  const every = [...rows, ...replies]
  const senderIds = new Set(every.flatMap(({ senderId }) => senderId ?? []))
  const changed = every.filter((row) => row.evSeq > 0)
  const [reactions, users] = await Promise.all([
    findReactions(q, app, changed),
    findUsers(q, app, [...senderIds]),
  ])
  const userById = new Map(users.map((user) => [user.id, user]))
  const reactionsOf = Map.groupBy(reactions, (reaction) => reaction.messageId)
  const replyByKey = new Map(replies.map((row) => [key(row.roomId, row.id), row]))
  const toMessage = (row: MessageRow, reply: Message | undefined): Message => ({
    app,
    id: row.id,
    roomId: row.roomId,
    seq: row.seq,
    evSeq: row.evSeq,
    sender: row.senderId === null ? undefined : userById.get(row.senderId),
    messageType: row.messageType,
    message: row.message ?? undefined,
    fields: row.fields,
    reply,
    reactions: (reactionsOf.get(row.id) ?? []).map(({ userId, reaction }) => ({ userId, reaction })),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    editedAt: row.editedAt ?? undefined,
    pinned: row.pinned,
    hidden: row.hidden,
  })
  return rows.map((row) => {
    const reply = row.replyId === null ? undefined : replyByKey.get(key(row.roomId, row.replyId))
    return toMessage(row, reply && toMessage(reply, undefined))
  })
}

export async function populateMessage(q: Queryable, app: string, row: MessageRow): Promise<Message> {
  const [message] = await populateMessages(q, app, [row])
  return message!
}

/** Of a room, and of a group in it: each member may be sent what happens in the room, all of them in each event. */
export const MAX_SHOWN_MEMBERS = 200
/** Of all the rooms of a list together, where that leaves each enough to be told by. */
const MAX_LISTED_MEMBERS = 20_000
const MIN_SHOWN_MEMBERS = 20

const shownOf = (rooms: number): number =>
  Math.min(MAX_SHOWN_MEMBERS, Math.max(MIN_SHOWN_MEMBERS, Math.floor(MAX_LISTED_MEMBERS / rooms)))

/**
 * In the order of the ids; ids without a room are left out. With a viewer, each has that viewer's view. A large room
 * has some of its members, the viewer among them.
 */
export async function loadRooms(
  q: Queryable,
  app: string,
  ids: readonly string[],
  viewer: Actor | undefined,
): Promise<Room[]> {
  const found = new Map((await findRooms(q, app, ids)).map((row) => [row.id, row]))
  const rows = ids.flatMap((id) => found.get(id) ?? [])
  const roomIds = rows.map((row) => row.id)
  const shown = shownOf(rows.length)
  const isLarge = (row: RoomRow) => row.memberCount > shown
  const largeIds = rows.filter(isLarge).map((row) => row.id)
  const viewerId = viewer?.userId
  const directIds =
    viewerId === undefined ? [] : rows.flatMap((row) => (row.roomType === 'direct' ? row.id : []))
  const groupIds = [...new Set(rows.flatMap((row) => row.groupIds))]
  const smallIds = rows.filter((row) => !isLarge(row)).map((row) => row.id)
  const [ofSmall, ofLarge, lastRows, prefs, others, blocks, groups] = await Promise.all([
    findMembers(q, app, smallIds),
    findSomeMembers(q, app, largeIds, viewerId, shown),
    findMessagesBySeq(
      q,
      app,
      rows.flatMap((row) =>
        row.lastMessageSeq === null ? [] : [{ roomId: row.id, seq: row.lastMessageSeq }],
      ),
    ),
    viewerId === undefined ? [] : findRoomPrefs(q, app, viewerId, roomIds),
    findUsers(q, app, [...new Set([viewerId, ...rows.map((row) => row.ownerId)].flatMap((id) => id ?? []))]),
    findBlocksOfRooms(q, app, directIds),
    findGroupMembers(q, app, groupIds, shown),
  ])
  const membersOf = Map.groupBy([...ofSmall, ...ofLarge], (row) => row.roomId)
  const lastOf = new Map(
    (await populateMessages(q, app, lastRows)).map((message) => [message.roomId, message]),
  )
  const userById = new Map(others.map((user) => [user.id, user]))
  const prefOf = new Map(prefs.map((pref) => [pref.roomId, pref]))
  return rows.map((row) => {
    const inside = membersOf.get(row.id) ?? []
    const room = toRoom(
      row,
      inside,
      lastOf.get(row.id),
      row.ownerId === null ? undefined : userById.get(row.ownerId),
      groups,
    )
    if (viewer === undefined) return room
    const user = viewerId === undefined ? undefined : userById.get(viewerId)
    return { ...room, view: viewOf(row, inside, viewer, user, prefOf.get(row.id), blocks) }
  })
}

export async function loadRoom(
  q: Queryable,
  app: string,
  id: string,
  viewer: Actor | undefined,
): Promise<Room | undefined> {
  const [room] = await loadRooms(q, app, [id], viewer)
  return room
}

/** What everyone may see of a room. */
export const withoutView = (room: Room): Room => ({ ...room, view: undefined })

const unreadOf = (room: RoomRow, member: MemberRow | undefined): number =>
  member === undefined ? 0 : Math.max(0, room.counted - member.readCounted)

function toRoom(
  row: RoomRow,
  members: Array<MemberRow & UserRow>,
  lastMessage: Message | undefined,
  owner: User | undefined,
  groups: Map<string, User[]>,
): Room {
  return {
    app: row.app,
    id: row.id,
    name: row.name ?? undefined,
    cover: row.cover ?? undefined,
    description: row.description ?? undefined,
    roomType: row.roomType,
    owner,
    managerIds: row.managerIds,
    members: members.map((member) => toMember(row, member, groups)),
    memberCount: row.memberCount,
    lastMessage,
    lastSeq: row.lastSeq,
    evSeq: row.evSeq,
    status: row.status,
    opening: row.opening,
    roomTags: row.roomTags,
    webhook: row.webhook ?? undefined,
    botMode: row.botMode ?? undefined,
    botState: row.botState ?? undefined,
    encrypted: row.encrypted,
    extParams: row.extParams ?? undefined,
    serviceStatus: row.serviceStatus ?? undefined,
    assignTo: row.assignTo ?? undefined,
    refRoom: row.refRoom ?? undefined,
    isPublic: row.isPublic ?? undefined,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    view: undefined,
  }
}

export const toMember = (room: RoomRow, row: MemberRow & UserRow, groups: Map<string, User[]>): Member => ({
  user: row.clientType === 'group' ? { ...toUser(row), groupMembers: groups.get(row.id) ?? [] } : toUser(row),
  direct: row.direct,
  role: row.role,
  joinedAt: row.joinedAt,
  lastReadMessageId: row.readMessageId ?? undefined,
  unread: unreadOf(room, row),
  properties: row.properties,
})

function viewOf(
  room: RoomRow,
  members: MemberRow[],
  viewer: Actor,
  user: User | undefined,
  pref: RoomPref | undefined,
  blocks: BlockRow[],
): NonNullable<Room['view']> {
  const member = members.find((candidate) => candidate.userId === viewer.userId)
  const own = blocks.filter((block) => block.roomId === room.id && member !== undefined)
  return {
    unread: unreadOf(room, member),
    muted: user?.mutedRoomIds.includes(room.id) ?? false,
    isMentioned: member !== undefined && member.mentionedSeq > member.readSeq,
    isSuperuser: isSuperuser(viewer, room, member),
    pref: pref ?? defaultRoomPref(room.id),
    didBlockAt: own.find((block) => block.blockeeId !== viewer.userId)?.createdAt,
    wasBlockedAt: own.find((block) => block.blockeeId === viewer.userId)?.createdAt,
  }
}
