import t from 'tap'
import { freePort } from '../../support/free-port.ts'
import { startRedis } from '../../support/redis.ts'
import { user } from './identities.ts'
import { heard, join, record, settled, unbase64 } from './sockets.ts'
import { createTestChat, startSockets, type TestCore } from './test-core.ts'

const linked = (core: TestCore) => core.logged('linked to the other cores')

const read = (core: TestCore, roomId: string) =>
  core.realtime.publish({ type: 'read', app: 'shop', to: { roomId }, userId: 'x', messageId: 'm', roomId })

t.test('cores tell each other events and movements, each socket hears once', async (t) => {
  const redis = await startRedis(t)
  const chat = createTestChat()
  chat.roomsOf.set('ann', ['lobby']).set('bob', ['lobby'])
  const one = await startSockets(t, { redisUrl: redis.url, chat })
  const two = await startSockets(t, { redisUrl: redis.url, chat, nodeId: 'node2' })
  await Promise.all([linked(one), linked(two)])
  t.ok(one.realtime.linked())
  const ann = await join(t, one, user('ann'))
  const bob = await join(t, two, user('bob'), { base64: true })
  const told = [record(ann, ['lastRead']), record(bob, ['lastRead'])]

  const first = heard(bob, 'lastRead')
  read(one, 'lobby')
  t.match(unbase64(await first), { roomID: 'lobby' })

  one.realtime.publish({
    type: 'members-joined',
    app: 'shop',
    to: { roomId: 'new' },
    roomId: 'new',
    userIds: ['bob'],
  })
  const second = heard(bob, 'lastRead')
  read(one, 'new')
  t.match(unbase64(await second), { roomID: 'new' })

  one.realtime.publish({
    type: 'members-left',
    app: 'shop',
    to: { roomId: 'lobby' },
    roomId: 'lobby',
    userIds: ['bob'],
  })
  read(one, 'lobby')
  const third = heard(bob, 'lastRead')
  read(one, 'new')
  t.match(unbase64(await third), { roomID: 'new' }, 'nothing of the room it left')
  await settled(ann)
  t.strictSame(
    told.map((list) => list.length),
    [2, 3],
  )
})

t.test('with Redis down sockets of the same core go on hearing each other', async (t) => {
  const chat = createTestChat()
  chat.roomsOf.set('ann', ['lobby'])
  const core = await startSockets(t, { redisUrl: `redis://127.0.0.1:${await freePort()}`, chat })
  await core.logged('the other cores cannot be told')
  t.equal(core.realtime.linked(), false)
  const ann = await join(t, core, user('ann'))
  const event = heard(ann, 'lastRead')
  read(core, 'lobby')
  t.match(await event, { roomID: 'lobby' })
})

t.test(
  'with Redis stalled nothing waits for it, and what was missed of memberships is read again',
  async (t) => {
    const redis = await startRedis(t)
    const chat = createTestChat()
    chat.roomsOf.set('ann', ['lobby', 'gone'])
    const core = await startSockets(t, { redisUrl: redis.url, chat })
    await linked(core)
    const ann = await join(t, core, user('ann'))
    redis.pause()
    const event = heard(ann, 'lastRead')
    read(core, 'lobby')
    t.match(await event, { roomID: 'lobby' })
    redis.resume()

    const again = Promise.withResolvers<string[]>()
    const asked = Promise.withResolvers<void>()
    chat.roomIdsOf = () => {
      asked.resolve()
      return again.promise
    }
    const dropped = await connectionDropper(redis.url)
    await dropped()
    await asked.promise
    again.resolve(['lobby', 'new'])
    await settled(ann)
    const told = record(ann, ['lastRead'])
    for (const roomId of ['gone', 'new', 'lobby']) read(core, roomId)
    await settled(ann)
    t.match(told, [{ payload: { roomID: 'new' } }, { payload: { roomID: 'lobby' } }])
    t.equal(told.length, 2)
  },
)

/** Ends every other connection of a Redis, as a restart of it would. */
async function connectionDropper(url: string): Promise<() => Promise<void>> {
  const { Redis } = await import('ioredis')
  return async () => {
    const redis = new Redis(url)
    await redis.call('CLIENT', 'KILL', 'SKIPME', 'yes', 'TYPE', 'pubsub')
    redis.disconnect()
  }
}
