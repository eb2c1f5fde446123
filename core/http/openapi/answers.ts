/** What clients read, by name: the schemas of answers. Everything may have more fields than are named here. */
import { type TSchema, Type } from 'typebox'

/** A schema of the table below, in the document's own words. */
export const ref = (name: string) => Type.Unsafe<unknown>({ $ref: `#/components/schemas/${name}` })

const { Optional, Array: List, String: Text, Integer, Boolean: Flag, Union, Null, Record: Keyed } = Type

const Id = Text({ description: 'Sent twice, as `_id` and as `id`.' })
const Time = Text({ format: 'date-time' })
const Anything = Type.Unknown()
const orNull = <T extends TSchema>(schema: T) => Union([schema, Null()])

const named = { _id: Id, id: Id }
/** ISO text, and milliseconds since the epoch under the name with `MS`: 0 for none. */
const dated = (name: string) => ({ [name]: Optional(Time), [`${name}MS`]: Integer() })
const times = { ...dated('createdAt'), ...dated('updatedAt') }
const optional = (schema: TSchema, ...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, Optional(schema)]))

export const listOf = (of: string | TSchema) =>
  Type.Object({ totalCount: Integer(), data: List(typeof of === 'string' ? ref(of) : of) })
export const page = (of: string | TSchema) =>
  Type.Object({ data: List(typeof of === 'string' ? ref(of) : of) })

const Counts = { n: Integer(), ok: Integer() }

const Sender = {
  ...named,
  ...optional(Text(), 'nickname', 'avatarUrl', 'description'),
  isRobot: Flag(),
  clientType: Union([Type.Literal('user'), Type.Literal('group')]),
  ...dated('lastLoginTime'),
}

const Client = {
  ...Sender,
  appID: Text(),
  publicKey: Optional(Text()),
  ...dated('lastActiveTime'),
  ...times,
}

const RoomInvitation = { invitee: ref('Sender'), inviter: orNull(ref('Sender')), ...times }
const Block = { appID: Text(), blockee: ref('Sender'), ...times }
const BlockRoom = Type.Object({ ...named, roomType: Text(), ...dated('createdTime') })

const Key = { id: Text(), kind: Union([Type.Literal('platform-key'), Type.Literal('client-key')]) }

const Delivery = {
  ...named,
  eventID: Text(),
  event: Text(),
  room: orNull(Text()),
  target: Text(),
  attempts: Integer(),
  reason: orNull(Text()),
  createdAt: Time,
}

export const SCHEMAS: Readonly<Record<string, TSchema>> = {
  Sender: Type.Object(Sender, { description: 'A user, as messages show them.' }),
  Client: Type.Object(Client, {
    description: 'A user, as the members of a room see them, with whatever else the customer keeps of them.',
  }),
  OwnClient: Type.Object(
    {
      ...Client,
      email: Optional(Text()),
      mute: List(Text()),
      notificationEnabled: Flag(),
      address: Optional(Anything),
      userAgent: Optional(Text()),
      ...dated('lastJoinOrCreateRoomTime'),
      isSocketConnected: Optional(Flag({ description: 'Absent where not every core could be asked.' })),
    },
    { description: 'A user, as they themselves and the customer see them.' },
  ),
  Message: Type.Object(
    {
      ...named,
      appID: Text(),
      room: Text(),
      seq: Integer({ description: 'Its place in the room: 1, 2, 3 … without gaps.' }),
      evSeq: Integer({ description: 'The room’s count of changes at its last change; 0 = never changed.' }),
      sender: orNull(ref('Sender')),
      messageType: Text(),
      message: Optional(Anything),
      reply: Optional(ref('Message')),
      reactions: List(Type.Object({ client: Text(), reaction: Text() })),
      reactionCount: Integer(),
      isPined: Flag({ description: 'The same as `pinned`, spelled as older clients read it.' }),
      pinned: Flag(),
      isHidden: Flag(),
      ...dated('messageTime'),
      ...times,
      editedAt: Optional(Time),
      editedAtMS: Optional(Integer()),
    },
    { description: 'A message, with every other field that its sender gave it.' },
  ),
  MemberProperty: Type.Object({
    client: Text(),
    badge: Integer(),
    lastRead: Optional(Text()),
    role: Union([Type.Literal('member'), Type.Literal('admin')]),
  }),
  Room: Type.Object({
    ...named,
    appID: Text(),
    ...optional(Text(), 'name', 'cover', 'description', 'botState', 'extParams', 'assignTo', 'refRoom'),
    roomType: Union([Type.Literal('direct'), Type.Literal('group'), Type.Literal('custom')]),
    owner: Optional(ref('Sender')),
    managers: List(Text()),
    members: List(Union([ref('Client'), Text()]), {
      description: 'Users; the answer of `POST /rooms` has ids.',
    }),
    memberCount: Integer({ description: 'Everyone inside; `members` are up to 200 of them.' }),
    memberProperties: List(ref('MemberProperty')),
    lastMessage: Optional(ref('Message')),
    seq: Integer({ description: 'Of the last message.' }),
    evSeq: Integer({ description: 'Changes of messages so far.' }),
    status: Integer({ description: '0 = frozen.' }),
    opening: Integer({ description: '0 = nobody can join.' }),
    roomTags: List(Text()),
    botMode: Optional(Flag()),
    encrypted: Flag(),
    isPublic: Optional(Flag()),
    serviceStatus: Optional(Integer()),
    ...dated('createdTime'),
    ...dated('updatedTime'),
    unread: Optional(Integer()),
    ...optional(Flag(), 'muted', 'isMentioned', 'isSuperuser'),
    pref: Optional(ref('RoomPref')),
  }),
  RoomPref: Type.Object({
    room: Text(),
    tags: List(Text()),
    tagColors: Keyed(Text(), Text()),
    folder: orNull(Text()),
    muted: Flag(),
    sticky: Flag(),
    hidden: Flag(),
    translation: Flag(),
    quittedAt: Optional(Time),
    quittedAtMS: Optional(Integer()),
  }),
  Pref: Type.Object({ key: Text(), data: Anything }),
  Invitation: Type.Object({ ...RoomInvitation, room: ref('Room') }),
  RoomInvitation: Type.Object(RoomInvitation),
  Group: Type.Object(
    {
      ...named,
      ...optional(Text(), 'nickname', 'avatarUrl'),
      clientType: Text(),
      members: List(Text()),
      ...times,
    },
    { description: 'A user that stands for several: it can be a member wherever a user can.' },
  ),
  Block: Type.Object({ ...Block, blocker: orNull(Text()), room: Text() }),
  MyBlock: Type.Object({ ...Block, blocker: orNull(Text()), room: BlockRoom }),
  RoomBlock: Type.Object({ ...Block, blocker: orNull(ref('Sender')), room: BlockRoom }),
  Token: Type.Object({
    ...named,
    token: Text({ description: 'In full only in the answer that makes or binds it.' }),
    client: Text(),
    ...dated('expirationDate'),
    ...times,
  }),
  SignedIn: Type.Object({
    authType: Text(),
    token: Text(),
    ...dated('expirationDate'),
    exp: Integer({ description: 'The same in seconds since the epoch.' }),
    id: Text(),
    ...optional(Text(), 'nickname', 'avatarUrl'),
  }),
  App: Type.Object({ app: Text(), createdAt: Time, settings: ref('AppSettings') }),
  AppSettings: Type.Object(
    {},
    { description: 'Whose tokens are believed, from where, and who is told what.' },
  ),
  Key: Type.Object({
    ...Key,
    prefix: Text({ description: 'The first characters of the secret; empty where people chose it.' }),
    state: Union(['live', 'pending', 'expired', 'revoked'].map((state) => Type.Literal(state))),
    createdAt: Time,
    ...Object.fromEntries(
      ['notBefore', 'expiresAt', 'revokedAt', 'lastUsedAt'].map((name) => [name, orNull(Time)]),
    ),
  }),
  NewKey: Type.Object({ ...Key, secret: Text({ description: 'Told this once.' }) }),
  Subscription: Type.Object({
    ...named,
    type: Text(),
    client: Text(),
    token: Text(),
    deviceId: Optional(orNull(Text())),
  }),
  File: Type.Object({
    ...named,
    length: Integer({ description: 'Bytes.' }),
    chunkSize: Integer(),
    ...dated('uploadDate'),
    md5: Text(),
    filename: Text(),
    mimetype: Text(),
    client: Optional(orNull(Text())),
    bucketName: Text(),
    extra: Anything,
    appID: Text(),
  }),
  StickerSet: Type.Object({
    ...named,
    name: Text(),
    order: Optional(Integer()),
    zip: Optional(ref('StickerFile')),
    images: Optional(List(ref('StickerFile'))),
    createdAt: Optional(Time),
    createdAtMS: Optional(Integer()),
    ...dated('updatedAt'),
  }),
  StickerFile: Type.Object({ filename: Text(), length: Integer(), resourceId: Text() }),
  WebhookSecret: Type.Object({ ...named, createdAt: Time, createdAtMS: Integer() }),
  NewWebhookSecret: Type.Object({ ...named, secret: Text({ description: 'Told this once.' }) }),
  LiveSocket: Type.Object({
    ...named,
    node: Text({ description: 'The core that holds it.' }),
    kind: Union([Type.Literal('client'), Type.Literal('platform'), Type.Literal('anonymous')]),
    client: orNull(Text()),
    deviceId: orNull(Text()),
    transport: Text(),
    credential: orNull(Text({ description: 'The first characters of the id of its token or key.' })),
    connectedAt: Time,
    connectedAtMS: Integer(),
  }),
  Delivery: Type.Object(Delivery),
  DeadLetter: Type.Object({
    ...Delivery,
    deadAt: Time,
    payload: Anything,
  }),
  Missed: Union([
    Type.Object({ reset: Type.Literal(true), seq: Integer(), evSeq: Integer() }),
    Type.Object({
      reset: Type.Literal(false),
      seq: Integer(),
      evSeq: Integer(),
      messages: List(ref('Message')),
      events: List(
        Type.Object({
          evSeq: Integer(),
          kind: Text(),
          messageID: Text(),
          at: Time,
          atMS: Integer(),
          message: orNull(ref('Message')),
        }),
      ),
    }),
  ]),
  Behind: Type.Object({
    rooms: Keyed(Text(), Type.Object({ seq: Integer(), evSeq: Integer(), reset: Flag() })),
    gone: List(Text()),
  }),
  Counts: Type.Object(Counts),
  Deletion: Type.Object({
    deletedCount: Integer(),
    roomID: Text(),
    messageID: Text(),
    deletedBy: orNull(Text()),
    deletedAt: Time,
    deletedAtMS: Integer(),
  }),
  OwnDeletions: Type.Object({ ...Counts, room: Text(), messages: List(Text()) }),
  Failure: Type.Object(
    {
      RC: Integer({ description: 'The status.' }),
      RM: Text({ description: 'What went wrong, in words.' }),
      error: Type.Object({ code: Text({ description: 'What to switch on.' }), message: Text() }),
      retryAfter: Optional(Integer({ description: 'Seconds.' })),
    },
    { description: 'Every error has this body.' },
  ),
}
