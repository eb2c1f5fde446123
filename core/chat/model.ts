/** The chat's own words. The wire's names and twins (`_id`, `…MS`) are made at the edge, in `core/wire/`. */

export type User = {
  app: string
  id: string
  nickname: string | undefined
  avatarUrl: string | undefined
  email: string | undefined
  description: string | undefined
  publicKey: string | undefined
  clientType: 'user' | 'group'
  isRobot: boolean
  notificationEnabled: boolean
  mutedRoomIds: string[]
  /** Whatever else the customer posted, verbatim. */
  custom: Record<string, unknown>
  lastLoginAt: Date | undefined
  lastActiveAt: Date | undefined
  createdAt: Date
  updatedAt: Date
  /** Of a group, where they were loaded: the users that it stands for. */
  groupMembers?: User[]
}

export type Reaction = { userId: string; reaction: string }

export type Message = {
  app: string
  /** 24 hex digits, ordered by time; clients' cursors rely on that. */
  id: string
  roomId: string
  /** Its place in the room: 1, 2, 3 … without gaps. */
  seq: number
  /** The room's position of its last change; 0 = never changed. */
  evSeq: number
  sender: User | undefined
  messageType: string
  /** Usually text; whatever came in goes out. */
  message: unknown
  /** Every other field that the sender gave, verbatim (`extra`, `mentions`, `originalUrl`, …). */
  fields: Record<string, unknown>
  reply: Message | undefined
  reactions: Reaction[]
  createdAt: Date
  updatedAt: Date
  editedAt: Date | undefined
  pinned: boolean
  hidden: boolean
}

export type Member = {
  user: User
  role: 'member' | 'admin'
  joinedAt: Date
  lastReadMessageId: string | undefined
  unread: number
  /** False: inside by a group alone, and not among the members that a room shows. */
  direct: boolean
  /** Custom member properties, verbatim. */
  properties: Record<string, unknown>
}

export type RoomPref = {
  roomId: string
  tags: string[]
  tagColors: Record<string, string>
  folder: string | undefined
  muted: boolean
  sticky: boolean
  hidden: boolean
  translation: boolean
  quittedAt: Date | undefined
}

/** What differs from viewer to viewer; a broadcast room has none of it. */
export type RoomView = {
  unread: number
  muted: boolean
  isMentioned: boolean
  isSuperuser: boolean
  pref: RoomPref
  /** In a direct room: since when the viewer blocks the other, or is blocked. */
  didBlockAt: Date | undefined
  wasBlockedAt: Date | undefined
}

export type Room = {
  app: string
  id: string
  name: string | undefined
  cover: string | undefined
  description: string | undefined
  roomType: 'direct' | 'group' | 'custom'
  owner: User | undefined
  managerIds: string[]
  members: Member[]
  lastMessage: Message | undefined
  /** How many there are, of whom a large room shows but some. */
  memberCount: number
  lastSeq: number
  /** Position of the last change of a message that was there already. */
  evSeq: number
  status: 0 | 1
  opening: 0 | 1
  roomTags: string[]
  webhook: string | undefined
  botMode: boolean | undefined
  botState: string | undefined
  encrypted: boolean
  extParams: string | undefined
  /** Kept for customers, of no effect here. */
  serviceStatus: number | undefined
  assignTo: string | undefined
  refRoom: string | undefined
  isPublic: boolean | undefined
  createdAt: Date
  updatedAt: Date
  view: RoomView | undefined
}

/** Pending: its invitee is not a member yet. */
export type Invitation = {
  room: Room
  invitee: User
  inviter: User | undefined
  createdAt: Date
  updatedAt: Date
}

/** One who may not speak in a room. */
export type Block = {
  app: string
  blockee: User
  blocker: User | undefined
  room: { id: string; roomType: Room['roomType']; createdAt: Date }
  createdAt: Date
  updatedAt: Date
}
