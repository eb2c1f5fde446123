import t from 'tap'
import { sign, user } from './identities.ts'
import { ask, collect, connect, heard, record, settled, unbase64 } from './sockets.ts'
import { startSockets } from './test-core.ts'

const limits = { positionCheckMs: 25 }

t.test('a socket that asked is told where its rooms are in the answer to auth', async (t) => {
  const core = await startSockets(t)
  core.chat.positionsOf.set('ann', [{ roomId: 'a', seq: 7, evSeq: 2 }])
  const socket = await connect(t, core)
  await ask(socket, 'conf', { positions: true })
  const [answer] = await ask(socket, 'auth2', { identity: sign(user('ann')) })
  t.strictSame(answer, {
    RC: 0,
    RM: 'OK',
    result: { client: 'ann', positions: { rooms: { a: { seq: 7, evSeq: 2 } }, complete: true } },
  })
})

t.test('a socket that asked is told from time to time of the rooms that moved', async (t) => {
  const core = await startSockets(t, { limits })
  core.chat.roomsOf.set('ann', ['a', 'b'])
  core.chat.positionsOf.set('ann', [
    { roomId: 'a', seq: 7, evSeq: 2 },
    { roomId: 'b', seq: 1, evSeq: 0 },
  ])
  const socket = await connect(t, core)
  await ask(socket, 'conf', { positions: true, encoding: 'base64' })
  const told = collect(socket, 'positions', 2)
  const begun = heard(socket, 'positions')
  await ask(socket, 'auth2', { identity: sign(user('ann')) })
  await begun
  core.chat.positionsOf.set('ann', [
    { roomId: 'a', seq: 7, evSeq: 3 },
    { roomId: 'b', seq: 1, evSeq: 0 },
  ])
  const [first, second] = await told
  t.strictSame(unbase64(first), { rooms: { a: { seq: 7, evSeq: 2 }, b: { seq: 1, evSeq: 0 } } })
  t.strictSame(unbase64(second), { rooms: { a: { seq: 7, evSeq: 3 } } })
})

t.test('a check brings a socket into a room of which its core did not hear', async (t) => {
  const core = await startSockets(t, { limits })
  const socket = await connect(t, core)
  await ask(socket, 'conf', { positions: true })
  await ask(socket, 'auth2', { identity: sign(user('ann')) })
  core.chat.roomsOf.set('ann', ['a'])
  core.chat.positionsOf.set('ann', [{ roomId: 'a', seq: 1, evSeq: 0 }])
  await heard(socket, 'positions')
  const read = heard(socket, 'lastRead')
  core.realtime.publish({
    type: 'read',
    app: 'shop',
    to: { roomId: 'a' },
    userId: 'x',
    messageId: 'm',
    roomId: 'a',
  })
  t.match(await read, { roomID: 'a' })
})

t.test('shipped clients, which did not ask, are told nothing of it', async (t) => {
  const core = await startSockets(t, { limits })
  core.chat.positionsOf.set('ann', [{ roomId: 'a', seq: 7, evSeq: 2 }])
  const quiet = await connect(t, core)
  const told = record(quiet, ['positions'])
  const [answer] = await ask(quiet, 'auth2', { identity: sign(user('ann')) })
  t.strictSame(answer, { RC: 0, RM: 'OK', result: { client: 'ann' } })
  const asking = await connect(t, core)
  await ask(asking, 'conf', { positions: true })
  const begun = heard(asking, 'positions')
  await ask(asking, 'auth2', { identity: sign(user('ann')) })
  await begun
  await settled(quiet)
  t.strictSame(told, [])
})
