import t from 'tap'
import type { ChatEvent } from '../../../core/chat/events.ts'
import { presentMessage, presentUser } from '../../../core/wire/present.ts'
import { at, message, person, pref, room } from './chat-objects.ts'
import { user } from './identities.ts'
import { collect, connect, join, record, settled, unbase64 } from './sockets.ts'
import { startSockets } from './test-core.ts'

/** What a value is after its way over the wire. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const toRoom = { app: 'shop', to: { roomId: 'lobby' } }
const toAnn = { app: 'shop', to: { userIds: ['ann'] } }
const everyone = ['ann', 'bob']
const own = ['ann']
const others = ['bob']

/** Every way in which a client may listen: generation 2 speaks Engine.IO 3. */
const WAYS = (['v2', 'v3', 'v4'] as const).flatMap((version) =>
  (['websocket', 'polling'] as const).flatMap((transport) =>
    [false, true].map((base64) => ({ version, transport, base64 })),
  ),
)

const cases: [name: string, event: ChatEvent, payload: object, hearers: string[]][] = [
  ['chat message', { ...toRoom, type: 'message-posted', message }, presentMessage(message), everyone],
  [
    'chat message',
    { ...toRoom, type: 'message-changed', message: { ...message, messageType: 'recall' } },
    { _id: message.id, messageType: 'recall', sender: { _id: 'ann' } },
    everyone,
  ],
  ['room', { ...toRoom, type: 'room-changed', room }, { _id: 'lobby', members: [{ _id: 'ann' }] }, everyone],
  [
    'typing',
    {
      app: 'shop',
      to: { roomId: 'lobby', exceptUserId: 'ann' },
      type: 'typing',
      roomId: 'lobby',
      sender: person('ann'),
      text: 'hel',
    },
    { room: 'lobby', message: 'hel', sender: 'ann', senderInfo: presentUser(person('ann')) },
    others,
  ],
  [
    'lastRead',
    { ...toRoom, type: 'read', roomId: 'lobby', userId: 'ann', messageId: message.id },
    { roomID: 'lobby', memberID: 'ann', messageID: message.id },
    everyone,
  ],
  [
    'deleteMessages',
    { ...toRoom, type: 'messages-deleted', roomId: 'lobby', messageIds: [message.id], evSeq: 7 },
    { room: 'lobby', messages: [message.id], evSeq: 7 },
    everyone,
  ],
  [
    'hideMessages',
    {
      ...toRoom,
      type: 'messages-hidden',
      roomId: 'lobby',
      messageIds: [message.id],
      hidden: true,
      evSeq: 7,
    },
    { room: 'lobby', messages: [message.id], isHidden: true, evSeq: 7 },
    everyone,
  ],
  [
    'ai_streaming',
    {
      ...toRoom,
      type: 'text-streamed',
      roomId: 'lobby',
      messageId: message.id,
      sender: person('ann'),
      text: 'ü!',
    },
    {
      messageId: message.id,
      room: 'lobby',
      sender: 'ann',
      senderInfo: presentUser(person('ann')),
      text: 'ü!',
    },
    everyone,
  ],
  [
    'userDeleteMessages',
    { ...toAnn, type: 'messages-hidden-from-user', roomId: 'lobby', messageIds: [message.id], all: false },
    { room: 'lobby', messages: [message.id], isUserDeleteAllMessagesInRoom: false },
    own,
  ],
  [
    'roomPref',
    { ...toAnn, type: 'room-pref-changed', pref },
    {
      room: 'lobby',
      tags: ['x'],
      tagColors: { x: 'red' },
      muted: true,
      sticky: false,
      hidden: false,
      translation: false,
    },
    own,
  ],
  [
    'myPrefChange',
    { ...toAnn, type: 'my-pref-changed', key: 'folders-meta', content: [{ key: 'k', name: 'n' }] },
    { key: 'folders-meta', data: [{ key: 'k', name: 'n' }] },
    own,
  ],
  [
    'invitation',
    {
      ...toAnn,
      type: 'invited',
      invitation: { room, invitee: person('ann'), inviter: person('bob'), createdAt: at, updatedAt: at },
    },
    {
      room: { _id: 'lobby' },
      inviter: { _id: 'bob' },
      createdTimeMS: at.getTime(),
      updatedTimeMS: at.getTime(),
    },
    own,
  ],
  ['cancelInvitation', { ...toAnn, type: 'invitation-cancelled', roomId: 'lobby' }, { room: 'lobby' }, own],
]

for (const [name, event, payload, hearers] of cases)
  t.test(`${event.type} reaches ${hearers.join(', ')} as "${name}", however they listen`, async (t) => {
    const core = await startSockets(t)
    for (const userId of ['ann', 'bob']) core.chat.roomsOf.set(userId, ['lobby'])
    const outsiders = {
      'who is elsewhere': await join(t, core, user('cem')),
      nobody: await connect(t, core),
      'the same users in another app': await join(t, core, user('ann', { app: 'bank' })),
    }
    const listeners = await Promise.all(
      ['ann', 'bob'].flatMap((who) =>
        WAYS.map(async (way) => {
          const socket = await join(t, core, user(who), way)
          const { version, transport, base64 } = way
          const what = `${who}: ${version}, ${transport}, ${base64 ? 'base64' : 'plain'}`
          return { who, what, base64, socket, told: record(socket, [name]) }
        }),
      ),
    )
    const overheard = Object.entries(outsiders).map(([what, socket]) => ({
      what,
      socket,
      told: record(socket, [name]),
    }))
    core.realtime.publish(event)
    await Promise.all([...listeners, ...overheard].map(({ socket }) => settled(socket)))
    for (const { what, told } of overheard) t.equal(told.length, 0, what)
    for (const { who, what, base64, told } of listeners) {
      t.equal(told.length, hearers.includes(who) ? 1 : 0, what)
      const [first] = told
      if (first === undefined) continue
      if (base64) t.type(first.payload, 'string')
      t.match(base64 ? unbase64(first.payload) : first.payload, sent(payload), what)
    }
  })

t.test('myPrefDelete is the bare key, in base64 without JSON', async (t) => {
  const core = await startSockets(t)
  const plain = await join(t, core, user('ann'))
  const encoded = await join(t, core, user('ann'), { base64: true })
  const told = Promise.all([collect(plain, 'myPrefDelete', 1), collect(encoded, 'myPrefDelete', 1)])
  core.realtime.publish({ ...toAnn, type: 'my-pref-deleted', key: 'ordner-ü' })
  t.strictSame(await told, [['ordner-ü'], [Buffer.from('ordner-ü').toString('base64')]])
})

t.test('a broadcast room has nothing that differs from viewer to viewer', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['lobby'])
  const ann = await join(t, core, user('ann'))
  const told = record(ann, ['room', 'invitation'])
  core.realtime.publish({ ...toRoom, type: 'room-changed', room })
  const invitation = { room, invitee: person('ann'), inviter: undefined, createdAt: at, updatedAt: at }
  core.realtime.publish({ ...toAnn, type: 'invited', invitation })
  await settled(ann)
  const [first, second] = told.map(({ payload }) => payload as Record<string, unknown>)
  for (const shown of [first, second?.room as Record<string, unknown>])
    for (const key of ['unread', 'muted', 'isMentioned', 'isSuperuser', 'pref', 'webhook'])
      t.notOk(key in (shown ?? {}), key)
})
