import fc from 'fast-check'
import t from 'tap'
import { CoreError } from '../../../core/errors.ts'
import { sign, user } from './identities.ts'
import { ask, connect, heard, join, settled, unbase64 } from './sockets.ts'
import { startSockets } from './test-core.ts'

for (const version of ['v2', 'v3', 'v4'] as const)
  t.test(
    `a chat message (${version}) is sent as its user, and its ack is plain even with conf`,
    async (t) => {
      const core = await startSockets(t)
      const socket = await join(t, core, user('ann'), { version, base64: true })
      const payload = { room: 'lobby', messageType: 'text', message: 'hi', extra: { a: [1] } }
      t.strictSame(await ask(socket, 'chat message', payload), [
        { RC: 0, RM: 'OK', result: { _id: 'm1', message: 'hi' } },
      ])
      t.strictSame(core.chat.sent, [{ identity: user('ann'), payload }])
    },
  )

t.test('an anonymous socket may neither send nor type', async (t) => {
  const core = await startSockets(t)
  const socket = await connect(t, core)
  for (const event of ['chat message', 'typing'])
    t.match(await ask(socket, event, { room: 'lobby' }), [{ RC: 401, error: { code: 'UNAUTHORIZED' } }])
  t.strictSame([core.chat.sent, core.chat.typed], [[], []])
})

t.test('messages of one socket are sent in the order they were emitted', async (t) => {
  const core = await startSockets(t)
  const order: unknown[] = []
  let delayMs = 20
  core.chat.sendMessage = async (_identity, payload) => {
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    delayMs = 0
    order.push(payload.message)
    return {}
  }
  const socket = await connect(t, core)
  socket.emit('auth', { identity: sign(user('ann')) })
  for (const message of [1, 2]) socket.emit('chat message', { room: 'r', message })
  await ask(socket, 'chat message', { room: 'r', message: 3 })
  t.strictSame(order, [1, 2, 3])
})

t.test('what the chat refuses is its RC; what fails is 500 without a word of why', async (t) => {
  const core = await startSockets(t)
  const socket = await join(t, core, user('ann'))
  core.chat.sendMessage = async () => {
    throw new CoreError('NOT_ROOM_MEMBER')
  }
  t.match(await ask(socket, 'chat message', {}), [{ RC: 403, RM: /./, error: { code: 'NOT_ROOM_MEMBER' } }])
  core.chat.sendMessage = async () => {
    throw new Error('password=hunter2')
  }
  const [answer] = await ask(socket, 'chat message', {})
  t.match(answer, { RC: 500, error: { code: 'INTERNAL' } })
  t.notMatch(JSON.stringify(answer), 'hunter2')
  t.match(await core.logged('a socket event failed'), { err: { message: 'password=hunter2' } })
  t.ok(socket.connected)
})

t.test('typing takes a room with text, text in base64, or none', async (t) => {
  const core = await startSockets(t)
  const socket = await join(t, core, user('ann'))
  socket.emit('typing', 'lobby')
  socket.emit('typing', 'lobby', null)
  socket.emit('typing', 'lobby', 'hel')
  socket.emit('typing', 'lobby', Buffer.from('helló').toString('base64'))
  await settled(socket)
  t.strictSame(
    core.chat.typed.map(({ roomId, text }) => [roomId, text]),
    [
      ['lobby', ''],
      ['lobby', ''],
      ['lobby', 'hel'],
      ['lobby', 'helló'],
    ],
  )
})

t.test('wrong types are answered 400', async (t) => {
  const core = await startSockets(t)
  const socket = await join(t, core, user('ann'))
  for (const wrong of [null, 7, 'text', [], Buffer.from('x')]) {
    t.match(await ask(socket, 'chat message', wrong), [{ RC: 400 }])
    t.match(await ask(socket, 'conf', wrong), [{ RC: 400 }])
  }
  for (const args of [[], [7], [{}], [''], ['lobby', 7], ['lobby', {}]])
    t.match(await ask(socket, 'typing', ...args), [{ RC: 400 }])
  t.strictSame([core.chat.sent, core.chat.typed], [[], []])
})

t.test('conf may come after auth: what follows is base64, and conf without it is plain again', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['lobby'])
  const socket = await join(t, core, user('ann'))
  const read = { type: 'read', app: 'shop', userId: 'x', messageId: 'm', roomId: 'lobby' } as const
  await ask(socket, 'conf', { encoding: 'base64' })
  const encoded = heard(socket, 'lastRead')
  core.realtime.publish({ ...read, to: { roomId: 'lobby' } })
  t.match(unbase64(await encoded), { roomID: 'lobby' })
  await ask(socket, 'conf', { encoding: 'none' })
  const plain = heard(socket, 'lastRead')
  core.realtime.publish({ ...read, to: { userIds: ['ann'] } })
  t.match(await plain, { roomID: 'lobby' })
})

t.test('an application ping is answered with pong', async (t) => {
  const core = await startSockets(t)
  const socket = await connect(t, core)
  const pong = heard(socket, 'pong')
  socket.emit('ping')
  await pong
})

t.test('more events than the limit are answered 429, until time has passed', async (t) => {
  const core = await startSockets(t, { limits: { eventBurst: 5, eventsPerSecond: 1 } })
  const socket = await join(t, core, user('ann'))
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(socket, 'chat message', {})))
  const codes = answers.map(([answer]) => (answer as { RC: number }).RC)
  t.strictSame(codes.filter((code) => code === 0).length, 4)
  t.strictSame(codes.filter((code) => code === 429).length, 4)
  core.advance(3_000)
  t.match(await ask(socket, 'chat message', {}), [{ RC: 0 }])
})

t.test('one socket of whom little is answered does not queue without end', async (t) => {
  const core = await startSockets(t, { limits: { eventBurst: 1_000 } })
  const release = Promise.withResolvers<object>()
  core.chat.sendMessage = () => release.promise
  const socket = await join(t, core, user('ann'))
  const answers = Array.from({ length: 250 }, () => ask(socket, 'chat message', {}))
  t.match(await answers.at(-1), [{ RC: 429 }])
  release.resolve({})
  t.match(await answers[0], [{ RC: 0 }])
})

t.test('a reader that does not read is ended before its unsent events fill the memory', async (t) => {
  const core = await startSockets(t, { limits: { maxUnsentBytes: 10_000 } })
  // A long-polling client between two polls, seen from the server.
  const socket = await join(t, core, user('ann'), { transport: 'polling' })
  const ended = heard(socket, 'disconnect')
  for (let count = 0; count < 30; count++)
    core.realtime.publish({
      type: 'my-pref-deleted',
      app: 'shop',
      to: { userIds: ['ann'] },
      key: 'k'.repeat(1_000),
    })
  await ended
  await core.logged('a socket that does not read was ended')
  t.equal(core.realtime.connectionCount(), 0)
})

t.test('no argument whatever makes the server throw, and the socket stays of use', async (t) => {
  const core = await startSockets(t, { limits: { eventBurst: 100_000 } })
  const socket = await join(t, core, user('ann'))
  const events = fc.constantFrom(
    'conf',
    'auth',
    'auth2',
    'chat message',
    'typing',
    'ping',
    'leave',
    '__proto__',
    'room',
  )
  const hostile = fc.constantFrom<unknown>(
    JSON.parse('{"__proto__":{"identity":"x"},"constructor":1}'),
    { identity: { toString: 'x' } },
    { refused: { code: 1, RC: 0 } },
    { refused: { code: 'X', RC: 200 } },
    { encoding: ['base64'] },
    Buffer.from([0, 255]),
    { room: { $ne: null } },
    'x'.repeat(10_000),
  )
  const argument = fc.oneof(fc.jsonValue(), hostile)
  await fc.assert(
    fc.asyncProperty(
      events,
      fc.array(argument, { maxLength: 4 }),
      fc.boolean(),
      async (event, args, withAck) => {
        const stays = settled(socket)
        if (withAck && event !== 'ping') void ask(socket, event, ...args)
        else socket.emit(event, ...args)
        await stays
        return socket.connected
      },
    ),
    { numRuns: 300 },
  )
  t.match(await ask(socket, 'auth', { identity: sign(user('ann')) }), [{ RC: 0 }])
})
