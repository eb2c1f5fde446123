import t, { type Test } from 'tap'
import { platform, sign, user } from './identities.ts'
import { ask, connect, heard, join, settled, type TestSocket } from './sockets.ts'
import { startSockets } from './test-core.ts'

const ended = (socket: TestSocket): Promise<unknown> => heard(socket, 'disconnect')

async function stays(t: Test, sockets: Record<string, TestSocket>): Promise<void> {
  for (const [who, socket] of Object.entries(sockets)) {
    await settled(socket)
    t.ok(socket.connected, `${who} stays`)
  }
}

t.test('a revoked credential ends the sockets bound to it, and no other', async (t) => {
  const core = await startSockets(t)
  const old = user('ann', { credentialId: 'old' })
  const revoked = [
    await join(t, core, old),
    await join(t, core, old, { transport: 'polling' }),
    await join(t, core, old, { version: 'v2' }),
    await connect(t, core, { header: sign(old) }),
  ]
  const others = {
    'her other token': await join(t, core, user('ann', { credentialId: 'new' })),
    'another user': await join(t, core, user('bob')),
    'a platform key acting for her': await join(t, core, platform('ann')),
    nobody: await connect(t, core),
  }
  const ends = revoked.map(ended)
  core.change({ subject: 'credential', effect: 'revoked', credentialId: 'old' })
  // Below Socket.IO: to a DISCONNECT packet clients would say "io server disconnect".
  for (const reason of await Promise.all(ends)) t.match(reason, /^transport (close|error)$/)
  await stays(t, others)
  t.equal(core.realtime.connectionCount(), 4)
})

t.test('a revoked user loses every socket of theirs, in their app alone', async (t) => {
  const core = await startSockets(t)
  const revoked = [
    await join(t, core, user('ann')),
    await join(t, core, user('ann', { credentialId: 'new' })),
  ]
  const others = {
    'the same id in another app': await join(t, core, user('ann', { app: 'bank' })),
    'another user': await join(t, core, user('bob')),
    'a platform key acting for her': await join(t, core, platform('ann')),
  }
  const ends = revoked.map(ended)
  core.change({ subject: 'user', effect: 'revoked', userId: 'ann' })
  await Promise.all(ends)
  await stays(t, others)
})

t.test('a renewed credential ends its sockets when it ends now, sooner or later than before', async (t) => {
  const core = await startSockets(t)
  const later = Date.now() + 3_600_000
  const muchLater = later + 3_600_000
  const identity = user('ann', { credentialId: 'renewed', expiresAtMs: muchLater })
  const cut = [
    await join(t, core, identity),
    await join(t, core, identity, { transport: 'polling', version: 'v2' }),
    await connect(t, core, { header: sign(identity) }),
  ]
  const longer = user('bob', { credentialId: 'longer', expiresAtMs: later })
  const others = {
    'whose token lives longer now': await join(t, core, longer),
    'her other token': await join(t, core, user('ann', { expiresAtMs: muchLater })),
  }
  core.change({ subject: 'credential', effect: 'granted', credentialId: 'renewed', expiresAtMs: later })
  core.change({ subject: 'credential', effect: 'granted', credentialId: 'longer', expiresAtMs: muchLater })
  const signedBefore = await join(t, core, identity)
  const ends = [...cut, signedBefore].map(ended)
  core.advance(3_600_001)
  await Promise.all(ends)
  await stays(t, others)
})

t.test('a granted credential or a changed app ends nothing', async (t) => {
  const core = await startSockets(t)
  const ann = await join(t, core, user('ann'))
  core.change({ subject: 'credential', effect: 'granted', credentialId: 'token-of-ann' })
  core.change({ subject: 'app', effect: 'changed' })
  await stays(t, { ann })
})

t.test('an identity signed before the revocation cannot be used after it', async (t) => {
  const core = await startSockets(t)
  const signed = sign(user('ann'))
  core.change({ subject: 'credential', effect: 'revoked', credentialId: 'token-of-ann' })
  const socket = await connect(t, core)
  t.match(await ask(socket, 'auth', { identity: signed }), [{ RC: 401 }])
  const byHeader = await connect(t, core, { header: signed })
  t.match(await ask(byHeader, 'chat message', {}), [{ RC: 401 }])
})

t.test('a revocation that comes while the rooms are being read ends the socket', async (t) => {
  const core = await startSockets(t)
  const slow = Promise.withResolvers<string[]>()
  const asked = Promise.withResolvers<void>()
  core.chat.roomIdsOf = () => {
    asked.resolve()
    return slow.promise
  }
  const socket = await connect(t, core)
  socket.emit('auth', { identity: sign(user('ann')) })
  await asked.promise
  const end = ended(socket)
  core.change({ subject: 'credential', effect: 'revoked', credentialId: 'token-of-ann' })
  slow.resolve(['lobby'])
  await end
  t.equal(core.realtime.connectionCount(), 0)
})

t.test('an expired credential ends its sockets', async (t) => {
  const core = await startSockets(t)
  const expiring = await join(t, core, user('ann', { expiresAtMs: Date.now() + 60_000 }))
  const lasting = await join(t, core, user('ann', { credentialId: 'new' }))
  const end = ended(expiring)
  core.advance(60_000)
  await end
  await stays(t, { lasting })
})

t.test('a socket that stays anonymous too long is ended; one that is somebody is not', async (t) => {
  const core = await startSockets(t, { limits: { anonymousMs: 60_000 } })
  const nobody = await connect(t, core)
  const ann = await join(t, core, user('ann'))
  const end = ended(nobody)
  core.advance(60_000)
  await end
  await stays(t, { ann })
})

t.test('closing ends every connection below Socket.IO', async (t) => {
  const core = await startSockets(t)
  const sockets = [
    await join(t, core, user('ann')),
    await join(t, core, user('bob'), { transport: 'polling' }),
    await join(t, core, user('cem'), { version: 'v2' }),
  ]
  const ends = sockets.map(ended)
  await core.realtime.close()
  for (const reason of await Promise.all(ends)) t.match(reason, /^transport (close|error)$/)
  t.equal(core.realtime.connectionCount(), 0)
  await t.rejects(connect(t, core), 'no new connection is taken')
})
