/**
 * The chat's words as clients read them: `_id` and `id`, each date as ISO text and with `MS` as a number (0 for none).
 * No single object has a key `data`: one of the shipped clients would take that for the object.
 */
import type { Block, Invitation, Member, Message, Room, RoomPref, User } from '../chat/model.ts'
import type { OwnUser } from '../chat/own-users.ts'
import type { QuittedRoom } from '../chat/quitted-rooms.ts'
import type { Token } from '../credentials/tokens.ts'

type Wire = Record<string, unknown>

const named = (id: string): Wire => ({ _id: id, id })

const dated = (name: string, date: Date | undefined): Wire => ({
  ...(date !== undefined && { [name]: date.toISOString() }),
  [`${name}MS`]: date?.getTime() ?? 0,
})

/** What every member of a room may see of a user; own and admin answers have more. */
export const presentUser = (user: User): Wire => ({
  ...user.custom,
  ...presentSender(user),
  appID: user.app,
  publicKey: user.publicKey,
  clientType: user.clientType,
  ...(user.groupMembers !== undefined && { members: user.groupMembers.map(presentSender) }),
  ...dated('lastActiveTime', user.lastActiveAt),
  ...dated('createdAt', user.createdAt),
  ...dated('updatedAt', user.updatedAt),
})

export const presentOwnUser = ({ traces, connected, ...user }: OwnUser): Wire => ({
  ...presentUser(user),
  email: user.email,
  mute: user.mutedRoomIds,
  notificationEnabled: user.notificationEnabled,
  address: traces?.address ?? undefined,
  userAgent: traces?.userAgent ?? undefined,
  ...dated('lastJoinOrCreateRoomTime', traces?.lastRoomAt ?? undefined),
  isSocketConnected: connected,
})

/** The short form, inside messages. */
export const presentSender = (user: User): Wire => ({
  ...named(user.id),
  nickname: user.nickname,
  avatarUrl: user.avatarUrl,
  description: user.description,
  isRobot: user.isRobot,
  clientType: user.clientType,
  ...dated('lastLoginTime', user.lastLoginAt),
})

/** Clients throw on these without it, and lose the whole page. */
const TYPES_WITH_EXTRA = new Set(['audio', 'file'])

export const presentMessage = (message: Message): Wire => ({
  ...message.fields,
  ...(TYPES_WITH_EXTRA.has(message.messageType) && { extra: message.fields.extra ?? {} }),
  ...named(message.id),
  appID: message.app,
  room: message.roomId,
  seq: message.seq,
  evSeq: message.evSeq,
  sender: message.sender === undefined ? null : presentSender(message.sender),
  messageType: message.messageType,
  message: message.message,
  reply: message.reply && presentMessage(message.reply),
  reactions: message.reactions.map(({ userId, reaction }) => ({ client: userId, reaction })),
  reactionCount: message.reactions.length,
  isPined: message.pinned,
  pinned: message.pinned,
  isHidden: message.hidden,
  ...dated('messageTime', message.createdAt),
  ...dated('createdAt', message.createdAt),
  ...dated('updatedAt', message.updatedAt),
  ...(message.editedAt !== undefined && dated('editedAt', message.editedAt)),
})

const presentProperties = (member: Member): Wire => ({
  ...member.properties,
  client: member.user.id,
  badge: member.unread,
  lastRead: member.lastReadMessageId,
  role: member.role,
})

export const presentMembers = (members: readonly Member[]): Wire => ({
  data: members.map((member) => presentUser(member.user)),
  memberProperties: members.map(presentProperties),
})

/** Those who are inside by a group alone stand in the group. */
const shownMembers = (room: Room): Member[] => room.members.filter((member) => member.direct)

/** Without a view (a broadcast) it has none of the viewer's keys: clients then keep what they had. */
export const presentRoom = (room: Room): Wire => ({
  ...named(room.id),
  appID: room.app,
  name: room.name,
  cover: room.cover,
  description: room.description,
  roomType: room.roomType,
  owner: room.owner && presentSender(room.owner),
  managers: room.managerIds,
  members: shownMembers(room).map((member) => presentUser(member.user)),
  memberCount: room.memberCount,
  memberProperties: room.members.map(presentProperties),
  lastMessage: room.lastMessage && presentMessage(room.lastMessage),
  seq: room.lastSeq,
  evSeq: room.evSeq,
  status: room.status,
  opening: room.opening,
  roomTags: room.roomTags,
  botMode: room.botMode,
  botState: room.botState,
  encrypted: room.encrypted,
  extParams: room.extParams,
  serviceStatus: room.serviceStatus,
  assignTo: room.assignTo,
  refRoom: room.refRoom,
  isPublic: room.isPublic,
  ...dated('createdTime', room.createdAt),
  ...dated('updatedTime', room.updatedAt),
  ...(room.view !== undefined && {
    unread: room.view.unread,
    muted: room.view.muted,
    isMentioned: room.view.isMentioned,
    isSuperuser: room.view.isSuperuser,
    pref: presentRoomPref(room.view.pref),
    ...(room.roomType === 'direct' && {
      didBlockAt: null,
      wasBlockedAt: null,
      ...dated('didBlockAt', room.view.didBlockAt),
      ...dated('wasBlockedAt', room.view.wasBlockedAt),
    }),
    ...(room.view.isSuperuser && { webhook: room.webhook }),
  }),
})

/** For those who are out of it: neither its members nor its messages. */
export const presentQuittedRoom = ({ room, pref }: QuittedRoom): Wire => ({
  ...named(room.id),
  appID: room.app,
  name: room.name,
  cover: room.cover,
  description: room.description,
  roomType: room.roomType,
  roomTags: room.roomTags,
  ...dated('createdTime', room.createdAt),
  pref: { room: room.id, tags: pref.tags, ...dated('quittedAt', pref.quittedAt) },
})

/** The answer of `POST /rooms`: its members are ids. */
export const presentNewRoom = (room: Room): Wire => ({
  ...presentRoom(room),
  members: shownMembers(room).map((member) => member.user.id),
})

export const presentRoomPref = (pref: RoomPref): Wire => ({
  room: pref.roomId,
  tags: pref.tags,
  tagColors: pref.tagColors,
  folder: pref.folder ?? null,
  muted: pref.muted,
  sticky: pref.sticky,
  hidden: pref.hidden,
  translation: pref.translation,
  ...(pref.quittedAt !== undefined && dated('quittedAt', pref.quittedAt)),
})

export const presentInvitation = (invitation: Invitation): Wire => ({
  ...presentRoomInvitation(invitation),
  room: presentRoom(invitation.room),
})

/** In a room's own list: not the whole room with each of them. */
export const presentRoomInvitation = (invitation: Invitation): Wire => ({
  invitee: presentSender(invitation.invitee),
  inviter: invitation.inviter === undefined ? null : presentSender(invitation.inviter),
  ...dated('createdAt', invitation.createdAt),
  ...dated('updatedAt', invitation.updatedAt),
  createdTimeMS: invitation.createdAt.getTime(),
  updatedTimeMS: invitation.updatedAt.getTime(),
})

/** `room` and `blocker` are ids in one's own answers, and objects in lists. */
const presentBlockDates = (block: Block): Wire => ({
  appID: block.app,
  blockee: presentSender(block.blockee),
  ...dated('createdAt', block.createdAt),
  ...dated('updatedAt', block.updatedAt),
})

const blockRoom = ({ room }: Block): Wire => ({
  ...named(room.id),
  roomType: room.roomType,
  ...dated('createdTime', room.createdAt),
})

export const presentBlock = (block: Block): Wire => ({
  ...presentBlockDates(block),
  blocker: block.blocker?.id ?? null,
  room: block.room.id,
})

export const presentMyBlock = (block: Block): Wire => ({
  ...presentBlockDates(block),
  blocker: block.blocker?.id ?? null,
  room: blockRoom(block),
})

export const presentRoomBlock = (block: Block): Wire => ({
  ...presentBlockDates(block),
  blocker: block.blocker === undefined ? null : presentSender(block.blocker),
  room: blockRoom(block),
})

export const presentGroup = (group: User): Wire => ({
  ...named(group.id),
  nickname: group.nickname,
  avatarUrl: group.avatarUrl,
  clientType: group.clientType,
  members: (group.groupMembers ?? []).map((user) => user.id),
  ...dated('createdAt', group.createdAt),
  ...dated('updatedAt', group.updatedAt),
})

export const presentToken = (token: Token): Wire => ({
  ...named(token.credentialId),
  token: token.token,
  client: token.userId,
  ...dated('expirationDate', token.expiresAt),
  ...dated('createdAt', token.createdAt),
  ...dated('updatedAt', token.updatedAt),
})
