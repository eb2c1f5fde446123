import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pino from 'pino'
import t, { type Test } from 'tap'
import { createAppConfigs } from '../../../core/chat/app-configs.ts'
import type { ChatContext } from '../../../core/chat/context.ts'
import { createRoom } from '../../../core/chat/create-room.ts'
import { markRead } from '../../../core/chat/mark-read.ts'
import { addMembers, removeMembers } from '../../../core/chat/membership.ts'
import { createIdSource } from '../../../core/chat/new-id.ts'
import { deletePref, putPref, updateRoomPref } from '../../../core/chat/prefs.ts'
import { sendMessage } from '../../../core/chat/send-message.ts'
import { createSends } from '../../../core/chat/sends.ts'
import { createRealtime, type Realtime } from '../../../core/realtime/realtime.ts'
import { migrate } from '../../../core/store/migrate.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import { platform, user, verifier } from './identities.ts'
import { ask, collect, heard, join, record, settled, unbase64 } from './sockets.ts'

const db = await openDatabase('pglite:memory')
t.teardown(() => db.close())
await migrate(db)
await db.query('test-app', `INSERT INTO apps (id) VALUES ('shop')`)

async function startChat(t: Test, tellsReads = true): Promise<{ url: string; chat: ChatContext }> {
  const log = pino({ level: 'silent' })
  const chat: ChatContext = {
    db,
    publish: (event) => realtime.publish(event),
    clock: Date.now,
    newId: createIdSource(Date.now),
    sends: createSends(db),
    settings: { invitationRequired: false, sandbox: false },
    configs: createAppConfigs(db, Date.now),
    connections: { count: async () => 0, peak: async () => 0 },
    liveSockets: {
      list: async () => ({ sockets: [], isComplete: true }),
      connected: async () => ({ userIds: new Set(), isComplete: true }),
      cut: async () => 'absent',
    },
    log,
  }
  const server = createServer()
  const feed = { subscribe: () => () => {} }
  const limits = { closeSpreadMs: 20 }
  const realtime: Realtime = createRealtime({
    server,
    verifier,
    chat,
    feed,
    log,
    nodeId: 'node1',
    clock: Date.now,
    limits,
    tellsReads,
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(async () => {
    await realtime.close()
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, chat }
}

t.test('what is done in the chat reaches the sockets of those concerned', async (t) => {
  const core = await startChat(t)
  const { chat } = core
  const ann = user('ann')
  const bob = user('bob')
  const phone = await join(t, core, ann, { base64: true })
  const web = await join(t, core, ann)
  const his = await join(t, core, bob, { version: 'v2', transport: 'polling' })
  const stranger = await join(t, core, user('cem'))
  const overheard = record(stranger, ['chat message', 'room', 'typing', 'lastRead', 'roomPref'])

  const rooms = [heard(phone, 'room'), heard(web, 'room'), heard(his, 'room')]
  const room = await createRoom(chat, platform(), {
    id: 'lobby',
    roomType: 'group',
    memberIds: ['ann', 'bob'],
    fields: { name: 'Lobby' },
  })
  const shown = { _id: room.id, name: 'Lobby', members: [{ _id: 'ann' }, { _id: 'bob' }] }
  const [encoded, ...plain] = await Promise.all(rooms)
  t.match(unbase64(encoded), shown)
  t.match(plain, [shown, shown])

  const posts = [phone, web, his].map((socket) => collect(socket, 'chat message', 2))
  const input = { roomId: 'lobby', message: 'by the chat', mentions: [], fields: {} }
  await sendMessage(chat, bob, input)
  const [ack] = await ask(phone, 'chat message', { room: 'lobby', messageType: 'text', message: 'by socket' })
  t.match(ack, {
    RC: 0,
    RM: 'OK',
    result: { room: 'lobby', message: 'by socket', sender: { _id: 'ann' }, seq: 2 },
  })
  const expected = [
    { room: 'lobby', message: 'by the chat', sender: { _id: 'bob' }, seq: 1 },
    { room: 'lobby', message: 'by socket', sender: { _id: 'ann' }, seq: 2 },
  ]
  const [onPhone, onWeb, onHis] = await Promise.all(posts)
  t.match(onPhone?.map(unbase64), expected)
  t.match(onWeb, expected)
  t.match(onHis, expected)

  const typing = heard(his, 'typing')
  phone.emit('typing', 'lobby', 'hel')
  t.match(await typing, { room: 'lobby', message: 'hel', sender: 'ann', senderInfo: { _id: 'ann' } })

  const reads = [heard(web, 'lastRead'), heard(his, 'lastRead')]
  await markRead(chat, bob, { roomId: 'lobby' })
  t.match(
    await Promise.all(reads),
    Array(2).fill({ roomID: 'lobby', memberID: 'bob', messageID: /^[0-9a-f]{24}$/ }),
  )

  const prefs = ['roomPref', 'myPrefChange', 'myPrefDelete'].map((event) => heard(web, event))
  await updateRoomPref(chat, ann, { roomId: 'lobby', change: { hidden: true } })
  await putPref(chat, ann, { key: 'folders-meta', content: [] })
  await deletePref(chat, ann, 'folders-meta')
  t.match(await Promise.all(prefs), [
    { room: 'lobby', hidden: true },
    { key: 'folders-meta', data: [] },
    'folders-meta',
  ])

  const entered = heard(stranger, 'chat message')
  const last = collect(his, 'chat message', 2)
  t.strictSame(overheard, [], 'who was in no room heard nothing until now')
  await addMembers(chat, ann, {
    roomId: 'lobby',
    userIds: ['cem'],
    systemMessage: true,
    messageType: 'addMembers',
  })
  t.match(await entered, { messageType: 'addMembers', room: 'lobby' })

  await removeMembers(chat, bob, { roomId: 'lobby', userIds: ['bob'], systemMessage: true })
  t.match(await last, [{ messageType: 'addMembers' }, { messageType: 'leaveRoom' }], 'who leaves hears it')
  const afterwards = record(his, ['chat message', 'room'])
  await sendMessage(chat, ann, input)
  await settled(his)
  t.strictSame(afterwards, [], 'and nothing more')
})

t.test('what a socket may not do is refused as over HTTP', async (t) => {
  const core = await startChat(t)
  const socket = await join(t, core, user('ann'))
  const refusal = async (payload: unknown) => (await ask(socket, 'chat message', payload))[0]
  t.match(await refusal({ room: 'of others', message: 'hi' }), {
    RC: 403,
    error: { code: 'NOT_ROOM_MEMBER' },
  })
  t.match(await refusal({ message: 'hi' }), { RC: 400, error: { code: 'MISSING_PARAMETER' } })
  t.match(await refusal({ room: { $ne: null }, message: 'hi' }), { RC: 400 })
  t.match(await refusal({ room: 'r', mentions: 7 }), { RC: 400, error: { code: 'INVALID_MESSAGE_FORMAT' } })
  t.match(await ask(socket, 'typing', 'of others'), [{ RC: 403 }])
  t.match(await refusal({ room: 'r\0', message: 'hi' }), { RC: 400 }, 'an id that the database cannot hold')
})

t.test('a socket’s login is kept with its user', async (t) => {
  const core = await startChat(t)
  await join(t, core, user('newcomer'), {
    headers: { 'x-forwarded-for': '192.0.2.7', 'user-agent': 'phone' },
  })
  const [row] = await core.chat.db.query('test-login', `SELECT * FROM users WHERE id = 'newcomer'`)
  t.match(row, { id: 'newcomer' })
  t.match(JSON.stringify(row), '192.0.2.7')
})

t.test(
  'where a deployment tells nobody what others have read, one’s own devices still hear it',
  async (t) => {
    const core = await startChat(t, false)
    const [ann, bob] = [user('ann'), user('bob')]
    await createRoom(core.chat, platform(), {
      id: 'quiet',
      roomType: 'group',
      memberIds: ['ann', 'bob'],
      fields: {},
    })
    await sendMessage(core.chat, ann, { roomId: 'quiet', message: 'hi', mentions: [], fields: {} })
    const his = await join(t, core, bob)
    const hers = await join(t, core, ann)
    const overheard = record(hers, ['lastRead'])
    const heardByHim = heard(his, 'lastRead')
    await markRead(core.chat, bob, { roomId: 'quiet' })
    t.match(await heardByHim, { roomID: 'quiet', memberID: 'bob' })
    await settled(hers)
    t.same(overheard, [])
  },
)
