import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import type { ChatEvent } from '../../../core/chat/events.ts'
import { person, room } from './chat-objects.ts'
import { user } from './identities.ts'
import { collect, heard, join, record, type TestSocket } from './sockets.ts'
import { startSockets, type TestCore } from './test-core.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

function tell(core: TestCore, to: ChatEvent['to'], key: string): void {
  core.realtime.publish({ type: 'my-pref-deleted', app: 'shop', to, key })
}

const countOf = (told: { event: string }[], name: string) => told.filter(({ event }) => event === name).length

async function crowd(t: Parameters<typeof join>[0], core: TestCore, size: number): Promise<TestSocket[]> {
  const sockets: TestSocket[] = []
  for (let count = 0; count < size; count++) {
    core.chat.roomsOf.set(`user${count}`, ['hall', 'side'])
    sockets.push(await join(t, core, user(`user${count}`), { base64: count % 2 === 1 }))
  }
  return sockets
}

t.test('a large room is served in chunks, each socket once and in order, in both encodings', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 2, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 7)
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
  const told = sockets.map((socket) => collect(socket, 'myPrefDelete', 21))
  for (const key of [...keys, 'end']) tell(core, { roomId: 'hall' }, key)
  for (const [index, payloads] of (await Promise.all(told)).entries()) {
    const plain = [...keys, 'end']
    t.strictSame(payloads, index % 2 === 0 ? plain : plain.map(base64))
  }
})

t.test('while a large room is being served, others are not held up', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 2, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 6)
  const last = sockets.at(-1) as TestSocket
  const told = collect(last, 'myPrefDelete', 2)
  tell(core, { roomId: 'hall' }, 'large')
  tell(core, { userIds: ['user5'] }, 'small')
  t.strictSame(await told, ['small', 'large'].map(base64))
})

t.test(
  'who leaves a large room still hears what was said before, who joins hears what follows',
  async (t) => {
    const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
    const sockets = await crowd(t, core, 4)
    const newcomer = await join(t, core, user('new'))
    const all = sockets.map((socket) => collect(socket, 'myPrefDelete', 2))
    const first = collect(newcomer, 'myPrefDelete', 1)
    const userIds = sockets.map((_, index) => `user${index}`)
    tell(core, { roomId: 'hall' }, 'before')
    core.realtime.publish({
      type: 'members-left',
      app: 'shop',
      to: { roomId: 'hall' },
      roomId: 'hall',
      userIds,
    })
    core.realtime.publish({
      type: 'members-joined',
      app: 'shop',
      to: { roomId: 'hall' },
      roomId: 'hall',
      userIds: ['new'],
    })
    tell(core, { roomId: 'hall' }, 'after')
    tell(core, { userIds }, 'end')
    const plain = ['before', 'end']
    t.strictSame(await Promise.all(all), [plain, plain.map(base64), plain, plain.map(base64)])
    t.strictSame(await first, ['after'])
  },
)

t.test('the sender’s sockets are left out of a chunked broadcast too', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 3)
  const all = sockets.map((socket, index) => collect(socket, 'myPrefDelete', index === 1 ? 1 : 2))
  tell(core, { roomId: 'hall', exceptUserId: 'user1' }, 'typing')
  tell(core, { roomId: 'hall' }, 'end')
  t.strictSame(await Promise.all(all), [['typing', 'end'], [base64('end')], ['typing', 'end']])
})

t.test('where too much waits for a room the oldest is let go, and counted; the newest is told', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 2)
  const told = sockets.map((socket) => collect(socket, 'myPrefDelete', 300))
  const hall = Array.from({ length: 251 }, (_, index) => `hall ${index}`)
  const side = Array.from({ length: 100 }, (_, index) => `side ${index}`)
  for (const key of hall) tell(core, { roomId: 'hall' }, key)
  for (const key of side) tell(core, { roomId: 'side' }, key)
  t.equal(core.realtime.droppedCount(), 51)
  const [keys = []] = await Promise.all(told)
  t.strictSame(
    keys.filter((key) => hall.includes(String(key))),
    [hall[0], ...hall.slice(52)],
    'the first was half told',
  )
  t.strictSame(
    keys.filter((key) => side.includes(String(key))),
    side,
    'another room loses nothing',
  )
})

t.test('typing and read marks join no long line; the reader’s own devices are told', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
  const sockets = (await crowd(t, core, 2)) as [TestSocket, TestSocket]
  const told = sockets.map((socket) => record(socket, ['myPrefDelete', 'typing', 'lastRead']))
  const inHall = { app: 'shop', to: { roomId: 'hall' }, roomId: 'hall' } as const
  const say = (text: string) =>
    core.realtime.publish({ ...inHall, type: 'typing', sender: person('x'), text })
  const read = (messageId: string) =>
    core.realtime.publish({ ...inHall, type: 'read', userId: 'user0', messageId })
  read('early')
  const keys = Array.from({ length: 9 }, (_, index) => `k${index}`)
  for (const key of keys) tell(core, inHall.to, key)
  say('late')
  read('late')
  tell(core, inHall.to, 'end')
  const [reader, other] = sockets
  await Promise.all([
    collect(reader, 'lastRead', 2),
    ...sockets.map((socket) => collect(socket, 'myPrefDelete', 10)),
  ])
  say('after')
  await Promise.all([heard(reader, 'typing'), heard(other, 'typing')])
  t.strictSame(
    told.map((all) => ['myPrefDelete', 'typing', 'lastRead'].map((name) => countOf(all, name))),
    [
      [10, 1, 2],
      [10, 1, 1],
    ],
  )
  t.equal(core.realtime.droppedCount(), 0)
})

t.test('of a room’s states that wait the latest is told', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
  const [first] = (await crowd(t, core, 2)) as [TestSocket]
  const told = record(first, ['room', 'myPrefDelete'])
  const to = { roomId: 'hall' }
  const rename = (name: string) =>
    core.realtime.publish({ app: 'shop', to, type: 'room-changed', room: { ...room, id: 'hall', name } })
  tell(core, to, 'a')
  rename('first')
  tell(core, to, 'b')
  rename('second')
  tell(core, to, 'end')
  await collect(first, 'myPrefDelete', 3)
  t.match(
    told.map(({ payload }) => payload),
    ['a', 'b', { name: 'second' }, 'end'],
  )
})

t.test('a frame of any length arrives whole', async (t) => {
  const core = await startSockets(t)
  const sockets = await Promise.all(
    (['v2', 'v3', 'v4'] as const).map((version) => join(t, core, user('ann'), { version })),
  )
  const around = Buffer.byteLength('42["myPrefDelete",""]')
  const sizes = [125, 126, 127, 65_535, 65_536, 100_000]
  const keys = ['', '☺ü', ...sizes.map((size) => 'k'.repeat(size - around))]
  const told = sockets.map((socket) => collect(socket, 'myPrefDelete', keys.length))
  for (const key of keys) tell(core, { userIds: ['ann'] }, key)
  for (const payloads of await Promise.all(told)) t.ok(isDeepStrictEqual(payloads, keys))
})
