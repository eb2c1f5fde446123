import t from 'tap'
import { sign, user } from './identities.ts'
import { ask, collect, connect, join, record, settled } from './sockets.ts'
import { startSockets, type TestCore } from './test-core.ts'

const move = (
  core: TestCore,
  type: 'members-joined' | 'members-left',
  roomId: string,
  ...userIds: string[]
) => core.realtime.publish({ type, app: 'shop', to: { roomId }, roomId, userIds })

const read = (core: TestCore, roomId: string, app = 'shop') =>
  core.realtime.publish({ type: 'read', app, to: { roomId }, userId: 'x', messageId: 'm', roomId })

/** The rooms whose events reach a socket. */
async function rooms(core: TestCore, socket: Awaited<ReturnType<typeof connect>>, roomIds: string[]) {
  const told = record(socket, ['lastRead'])
  for (const roomId of roomIds) read(core, roomId)
  await settled(socket)
  return told.map(({ payload }) => (payload as { roomID: string }).roomID)
}

t.test('every socket of a user moves with its memberships', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['a', 'b'])
  const socket = await join(t, core, user('ann'))
  const old = await join(t, core, user('ann'), { version: 'v2', transport: 'polling' })
  const told = collect(old, 'lastRead', 2)
  move(core, 'members-joined', 'c', 'ann', 'bob')
  move(core, 'members-left', 'b', 'bob', 'ann')
  t.strictSame(await rooms(core, socket, ['a', 'b', 'c']), ['a', 'c'])
  t.match(await told, [{ roomID: 'a' }, { roomID: 'c' }])
})

t.test('ids that imitate another room’s name reach no one else', async (t) => {
  const core = await startSockets(t)
  const odd = ['a', 'a"', 'a","plain', 'a:b', '["room","shop","a","plain"]', '__proto__', ' ', '{}', 'user']
  core.chat.roomsOf.set('ann', odd)
  const ann = await join(t, core, user('ann'))
  t.strictSame(await rooms(core, ann, odd), odd)
  for (const roomId of odd) {
    core.chat.roomsOf.set('bob', [roomId])
    const bob = await join(t, core, user('bob'))
    t.strictSame(await rooms(core, bob, [...odd, bob.id, 'bob']), [roomId])
    bob.close()
  }
})

t.test('rooms of one app are not those of another', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['lobby'])
  const socket = await join(t, core, user('ann', { app: 'bank' }))
  const told = record(socket, ['lastRead'])
  read(core, 'lobby')
  core.realtime.publish({
    type: 'members-joined',
    app: 'shop',
    to: { roomId: 'vault' },
    roomId: 'vault',
    userIds: ['ann'],
  })
  read(core, 'vault')
  read(core, 'vault', 'bank')
  await settled(socket)
  t.strictSame(told, [])
})

for (const [what, moves, expected] of [
  ['who left meanwhile is not brought back', ['members-left'], []],
  ['who left and joined again is in', ['members-left', 'members-joined'], ['lobby']],
  ['who joined and left again is out', ['members-joined', 'members-left'], []],
] as const)
  t.test(`while a socket’s rooms are read, ${what}`, async (t) => {
    const core = await startSockets(t)
    const slow = Promise.withResolvers<string[]>()
    const asked = Promise.withResolvers<void>()
    core.chat.roomIdsOf = () => {
      asked.resolve()
      return slow.promise
    }
    const socket = await connect(t, core)
    const answered = ask(socket, 'auth', { identity: sign(user('ann')) })
    await asked.promise
    for (const type of moves) move(core, type, 'lobby', 'ann')
    slow.resolve(['lobby'])
    await answered
    t.strictSame(await rooms(core, socket, ['lobby']), expected)
  })
