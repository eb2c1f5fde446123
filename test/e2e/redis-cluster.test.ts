import { pino } from 'pino'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { type Introspection, REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import { openRedis } from '#contract/redis.ts'
import { createRedisChannels } from '#contract/redis-channels.ts'
import { createRedisEntries } from '../../core/credentials/redis-entries.ts'
import { bindToken, revokeTokens } from '../../core/credentials/tokens.ts'
import { createLiveSockets } from '../../core/realtime/live-sockets.ts'
import { createRedisLookup } from '../../gateway/authn/redis-lookup.ts'
import { createRateLimits, RATE_DEFAULTS } from '../../gateway/limits/rate-limits.ts'
import { createSharedRates } from '../../gateway/limits/shared-rates.ts'
import { startCredentialStore } from '../core/credentials/credential-store.ts'
import { user } from '../core/realtime/identities.ts'
import { heard, join, unbase64 } from '../core/realtime/sockets.ts'
import { createTestChat, startSockets } from '../core/realtime/test-core.ts'
import { eventually } from '../support/eventually.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'

// A Redis Cluster of three masters, and what gateways and cores do with it.

const log = pino({ level: 'silent' })
const settings = { enableOfflineQueue: true, retryStrategy: () => 50, connectTimeout: 1_000 }
const redis = await startRedisCluster(t)

const slotOf = async (name: string) => Number(await redis.nodes[0]?.call('CLUSTER', 'KEYSLOT', name))

t.test('credential entries and their position are on one shard, and follow every change', async (t) => {
  const store = await startCredentialStore(t, { timing: { pollMs: 10 } })
  await store.addUser('ann')
  const { db, feed, introspect, clock } = store
  const entries = createRedisEntries({ url: redis.url, db, feed, introspect, clock, log })
  t.teardown(() => entries.close())
  const client = openRedis(redis.url, settings)
  t.teardown(() => client.disconnect())
  const lookup = createRedisLookup({ url: redis.url, clock: Date.now, log, observe: () => {} })
  t.teardown(() => lookup.close())

  const digestOf = (token: string) => credentialDigest('client-token', 'one', token)
  const requestOf = (token: string) => ({ kind: 'client-token' as const, digest: digestOf(token) })
  const keyOf = (token: string) => redisCredentialKey('client-token', digestOf(token))
  const entry = async (token: string): Promise<Introspection | undefined> => {
    const text = await client.get(keyOf(token))
    return text === null ? undefined : JSON.parse(text)
  }
  const reaches = (position: number) =>
    eventually(
      `Redis is at ${position}`,
      async () => Number(await client.get(REDIS_POSITION_KEY)) >= position,
    )
  const bind = (token: string) => bindToken(store.ctx, 'one', { userId: 'ann', token })
  const revoke = async (token: string) =>
    (await revokeTokens(store.ctx, 'one', 'ann', { token })).position ?? Number.NaN

  await reaches(1)
  const bound = await bind('a')
  await reaches(bound.position)
  t.match(await entry('a'), { active: true, position: bound.position, grant: { userId: 'ann' } })
  await eventually('a gateway finds it', async () => {
    const found = await lookup.find('client-token', digestOf('a'), bound.position)
    return found?.active === true && found.position >= bound.position
  })
  const late = await introspect(requestOf('a'))
  const revokedAt = await revoke('a')
  await reaches(revokedAt)
  t.strictSame(await entry('a'), { active: false, position: revokedAt })
  t.match(await lookup.find('client-token', digestOf('a'), revokedAt), { active: false })

  entries.offer(requestOf('a'), late)
  entries.offer(requestOf('z'), { active: false, position: bound.position })
  await eventually('the later offer is written', async () => (await entry('z')) !== undefined)
  t.strictSame(await entry('a'), { active: false, position: revokedAt }, 'an older answer stays out')

  const counts = await Promise.all(redis.nodes.map((node) => node.dbsize()))
  t.equal(counts.filter((count) => count > 0).length, 1, 'a failover loses both or neither')

  await t.test('a position that was lost takes the entries with it', async (t) => {
    await client.set(keyOf('unknown'), JSON.stringify({ active: true, position: 1 }))
    await client.del(REDIS_POSITION_KEY)
    const next = await bind('b')
    await reaches(next.position)
    t.equal(await entry('unknown'), undefined)
  })

  await t.test('a slot that moves takes them along', async (t) => {
    const before = await bind('c')
    await reaches(before.position)
    await redis.moveSlot(await slotOf(`{im}:${REDIS_POSITION_KEY}`))
    t.match(await entry('c'), { active: true })
    const position = await revoke('c')
    await reaches(position)
    await eventually('a gateway is told of the revocation', async () => {
      const found = await lookup.find('client-token', digestOf('c'), position)
      return found?.active === false
    })
  })
})

t.test('cores’ sockets hear each other, each app through a shard of its own', async (t) => {
  const chat = createTestChat()
  chat.roomsOf.set('ann', ['lobby']).set('bob', ['lobby'])
  const one = await startSockets(t, { redisUrl: redis.url, chat })
  const two = await startSockets(t, { redisUrl: redis.url, chat, nodeId: 'node2' })
  await Promise.all([one, two].map((core) => core.logged('linked to the other cores')))
  t.ok(one.realtime.linked())
  const bob = await join(t, two, user('bob'), { base64: true })
  const read = (roomId: string) =>
    one.realtime.publish({ type: 'read', app: 'shop', to: { roomId }, userId: 'x', messageId: 'm', roomId })
  const first = heard(bob, 'lastRead')
  read('lobby')
  t.match(unbase64(await first), { roomID: 'lobby' })
  const to = { roomId: 'new' }
  one.realtime.publish({ type: 'members-joined', app: 'shop', to, roomId: 'new', userIds: ['bob'] })
  const second = heard(bob, 'lastRead')
  read('new')
  t.match(unbase64(await second), { roomID: 'new' }, 'the membership came before')
})

t.test('a core asks the others who is connected, and cuts a socket there', async (t) => {
  const start = async (nodeId: string) => {
    const core = await startSockets(t, { nodeId })
    const parts = { local: core.realtime.sockets, nodeId, redisUrl: redis.url, log }
    const sockets = createLiveSockets(parts)
    t.teardown(sockets.close)
    return { core, sockets }
  }
  const [one, two] = [await start('node1'), await start('node2')]
  const ben = await join(t, two.core, user('ben'))
  await eventually('it is told', async () => {
    const { sockets, isComplete } = await one.sockets.list('shop', { limit: 9 })
    return isComplete && sockets.map(({ node }) => node).join() === 'node2'
  })
  const [socket] = (await one.sockets.list('shop', { limit: 9 })).sockets
  const gone = new Promise((resolve) => ben.once('disconnect', resolve))
  t.equal(await one.sockets.cut('shop', socket?.id ?? ''), 'cut')
  await gone
  t.equal(await one.sockets.cut('shop', socket?.id ?? ''), 'absent', 'each of them was heard')
})

t.test('gateways count rates together', async (t) => {
  const start = () => {
    const limits = createRateLimits({
      settings: { ...RATE_DEFAULTS, platform: 100 },
      clock: Date.now,
      isShared: true,
    })
    t.teardown(createSharedRates({ url: redis.url, limits, log }).close)
    return limits
  }
  const [first, second] = [start(), start()]
  await eventually('the other is full by what the first took', () => {
    first.identified('platform', 'key')
    for (let i = 0; i < 100; i++) first.identified('platform', 'key')
    return (second.byName.get('platform')?.waitOf('key') ?? 0) > 0
  })
})

t.test('a channel is heard again wherever its slot goes', async (t) => {
  let links = 0
  const told: string[] = []
  const channels = createRedisChannels({
    url: redis.url,
    channels: ['moving'],
    publisher: settings,
    subscriber: { ...settings, enableOfflineQueue: false },
    onMessage: (_channel, text) => told.push(text),
    onLinked: () => {
      links += 1
    },
    onTrouble: () => {},
  })
  t.teardown(channels.close)
  await eventually('it is heard', () => channels.isLinked() && channels.canPublish())
  t.equal(await channels.publish('moving', 'before'), 1)
  await redis.moveSlot(await slotOf('moving'))
  await eventually('it is heard again', () => links === 2 && channels.isLinked())
  t.equal(await channels.publish('moving', 'after'), 1)
  await eventually('both were told', () => told.join() === 'before,after')
})
