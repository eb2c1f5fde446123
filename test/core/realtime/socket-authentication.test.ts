import t from 'tap'
import { anonymous, forge, platform, sign, user } from './identities.ts'
import { ask, connect, dial, join, record, settled, unbase64 } from './sockets.ts'
import { startSockets, type TestCore } from './test-core.ts'

const welcome = (client: string) => ({ RC: 0, RM: 'OK', result: { client } })

for (const version of ['v2', 'v3', 'v4'] as const)
  for (const transport of ['websocket', 'polling'] as const)
    for (const event of ['auth', 'auth2'])
      t.test(
        `${event} over ${transport} (${version}) is answered in the socket’s own encoding`,
        async (t) => {
          const core = await startSockets(t)
          const plain = await connect(t, core, { version, transport })
          t.strictSame(await ask(plain, event, { identity: sign(user('ann')) }), [welcome('ann')])

          const encoded = await connect(t, core, { version, transport })
          t.strictSame(await ask(encoded, 'conf', { encoding: 'base64' }), [])
          const [answer] = await ask(encoded, event, { identity: sign(user('ünï')) })
          t.type(answer, 'string')
          t.strictSame(unbase64(answer), welcome('ünï'))
        },
      )

t.test('auth works without an ack', async (t) => {
  const core = await startSockets(t)
  const socket = await connect(t, core)
  socket.emit('auth2', { identity: sign(user('ann')) })
  t.match(await ask(socket, 'chat message', {}), [{ RC: 0 }])
})

const refusals: Record<string, [argument: unknown, RC: number, code: string]> = {
  'a raw token': ['eyJhbGciOi', 401, 'UNAUTHORIZED'],
  nothing: [undefined, 401, 'UNAUTHORIZED'],
  'a token under the name of identity': [{ identity: 'eyJhbGciOi' }, 401, 'UNAUTHORIZED'],
  'a forged identity': [{ identity: forge(user('ann')) }, 401, 'UNAUTHORIZED'],
  'a stale identity': [{ identity: sign(user('ann'), Date.now() - 120_000) }, 401, 'UNAUTHORIZED'],
  'an anonymous identity': [{ identity: sign(anonymous) }, 401, 'UNAUTHORIZED'],
  'an expired credential': [
    { identity: sign(user('ann', { expiresAtMs: Date.now() - 1 })) },
    401,
    'UNAUTHORIZED',
  ],
  'the gateway’s refusal': [{ refused: { code: 'INVALID_TOKEN', RC: 401 } }, 401, 'INVALID_TOKEN'],
  'the gateway’s other refusal': [{ refused: { code: 'FORBIDDEN', RC: 403 } }, 403, 'FORBIDDEN'],
}

for (const [what, [argument, RC, code]] of Object.entries(refusals))
  t.test(`auth with ${what} is answered ${RC}, and leaves the socket open and anonymous`, async (t) => {
    const core = await startSockets(t)
    core.chat.roomsOf.set('ann', ['lobby'])
    const socket = await join(t, core, user('ann'))
    const told = record(socket, ['lastRead'])
    const [answer] = await ask(socket, 'auth', argument)
    t.match(answer, { RC, RM: /\w/, error: { code } })
    t.match(await ask(socket, 'chat message', {}), [{ RC: 401 }])
    const read = { type: 'read', app: 'shop', userId: 'bob', messageId: 'm', roomId: 'lobby' } as const
    core.realtime.publish({ ...read, to: { roomId: 'lobby' } })
    core.realtime.publish({ ...read, to: { userIds: ['ann'] } })
    await settled(socket)
    t.strictSame(told, [], 'it has left the rooms')
    t.match(await ask(socket, 'auth', { identity: sign(user('ann')) }), [{ RC: 0 }])
  })

t.test('a refusal is base64 for a socket that sent conf', async (t) => {
  const core = await startSockets(t)
  const socket = await connect(t, core, { version: 'v2' })
  await ask(socket, 'conf', { encoding: 'base64' })
  const [answer] = await ask(socket, 'auth2', 'token')
  t.match(unbase64(answer), { RC: 401, error: { code: 'UNAUTHORIZED' } })
})

t.test('a bad auth keeps one connection, and no DISCONNECT packet is sent', async (t) => {
  const core = await startSockets(t)
  let connections = 0
  core.server.on('upgrade', () => {
    connections += 1
  })
  for (const version of ['v2', 'v4'] as const) {
    connections = 0
    const socket = dial(t, core, { version, reconnection: true })
    const disconnects = record(socket, ['disconnect', 'connect_error'])
    // The official web client: no ack, again on every connection.
    socket.on('connect', () => void socket.emit('auth2', 'a bad token'))
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    t.equal(connections, 1, version)
    t.strictSame(disconnects, [])
    t.ok(socket.connected)
  }
})

t.test('a platform key acting for a user behaves as that user; alone it is in no room', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['lobby'])
  const acting = await join(t, core, platform('ann'))
  const alone = await connect(t, core)
  t.strictSame(await ask(alone, 'auth', { identity: sign(platform()) }), [
    { RC: 0, RM: 'OK', result: { client: null } },
  ])
  const told = [record(acting, ['lastRead']), record(alone, ['lastRead'])]
  read(core, 'lobby')
  await Promise.all([settled(acting), settled(alone)])
  t.match(told, [[{ payload: { roomID: 'lobby' } }], []])
  t.strictSame(core.chat.logins, [], 'it is nobody’s login')
})

t.test('a user who authenticates again with another token misses nothing meanwhile', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['lobby'])
  const socket = await join(t, core, user('ann'))
  const told = record(socket, ['lastRead'])
  const slow = Promise.withResolvers<string[]>()
  const asked = Promise.withResolvers<void>()
  core.chat.roomIdsOf = () => {
    asked.resolve()
    return slow.promise
  }
  const answered = ask(socket, 'auth2', { identity: sign(user('ann', { credentialId: 'newer' })) })
  await asked.promise
  read(core, 'lobby')
  slow.resolve(['lobby'])
  await answered
  t.equal(told.length, 1)
})

t.test('a socket that becomes another user hears nothing of the first any more', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['hers']).set('bob', ['his'])
  const socket = await join(t, core, user('ann'))
  await ask(socket, 'auth', { identity: sign(user('bob')) })
  const told = record(socket, ['lastRead'])
  read(core, 'hers')
  read(core, 'his')
  await settled(socket)
  t.match(told, [{ payload: { roomID: 'his' } }])
  t.equal(told.length, 1)
})

t.test('when the store is down, auth is answered 503 and the socket may try again', async (t) => {
  const core = await startSockets(t)
  const { roomIdsOf } = core.chat
  core.chat.roomIdsOf = async () => {
    throw new Error('secret connection string')
  }
  const socket = await connect(t, core)
  const [answer] = await ask(socket, 'auth', { identity: sign(user('ann')) })
  t.match(answer, { RC: 500, error: { code: 'INTERNAL' } })
  t.notMatch(JSON.stringify(answer), 'secret')
  t.match(await ask(socket, 'chat message', {}), [{ RC: 401 }])
  core.chat.roomIdsOf = roomIdsOf
  t.match(await ask(socket, 'auth', { identity: sign(user('ann')) }), [{ RC: 0 }])
})

t.test('who passes no ack learns of a failing server by the end of the connection', async (t) => {
  const core = await startSockets(t)
  const socket = await connect(t, core)
  const ended = new Promise((resolve) => socket.on('disconnect', resolve))
  socket.emit('auth2', { refused: { code: 'AUTHENTICATION_UNAVAILABLE', RC: 503 } })
  t.equal(await ended, 'transport close')
})

function read(core: TestCore, roomId: string): void {
  core.realtime.publish({ type: 'read', app: 'shop', to: { roomId }, userId: 'x', messageId: 'm', roomId })
}
