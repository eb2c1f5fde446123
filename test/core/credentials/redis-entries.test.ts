import { Redis } from 'ioredis'
import { pino } from 'pino'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { type Introspection, REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import { changeSettings } from '../../../core/credentials/app-settings.ts'
import { createChangeFeed } from '../../../core/credentials/change-feed.ts'
import { changeApp, createApp, createKey } from '../../../core/credentials/keys.ts'
import { createRedisEntries } from '../../../core/credentials/redis-entries.ts'
import { bindToken, revokeTokens } from '../../../core/credentials/tokens.ts'
import { createRedisLookup } from '../../../gateway/authn/redis-lookup.ts'
import type { Scope } from '../../support/child-process.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type CredentialStore, startCredentialStore } from './credential-store.ts'

const digestOf = (token: string) => credentialDigest('client-token', 'one', token)
const requestOf = (token: string) => ({ kind: 'client-token' as const, digest: digestOf(token) })
const keyOf = (token: string) => redisCredentialKey('client-token', digestOf(token))

function startEntries(t: Scope, store: CredentialStore, redis: TestRedis) {
  const { db, feed, introspect, clock } = store
  const entries = createRedisEntries({
    url: redis.url,
    db,
    feed,
    introspect,
    clock,
    log: pino({ level: 'silent' }),
  })
  t.teardown(() => entries.close())
  return entries
}

async function startAll(t: Scope) {
  const [store, redis] = await Promise.all([
    startCredentialStore(t, { timing: { pollMs: 10 } }),
    startRedis(t),
  ])
  await store.addUser('ann')
  const entries = startEntries(t, store, redis)
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const position = async () => Number((await client.get(REDIS_POSITION_KEY)) ?? Number.NaN)
  const entry = async (token: string): Promise<Introspection | undefined> => {
    const text = await client.get(keyOf(token))
    return text === null ? undefined : JSON.parse(text)
  }
  const reaches = (target: number) =>
    eventually(`Redis is at ${target}`, async () => (await position()) >= target)
  await reaches(1)
  const bind = (token: string) => bindToken(store.ctx, 'one', { userId: 'ann', token })
  return { store, redis, entries, client, position, entry, reaches, bind }
}

t.test('entries in Redis', async (t) => {
  const { store, redis, entries, client, position, entry, reaches, bind } = await startAll(t)

  t.test('follow every change, and the position moves only afterwards', async (t) => {
    const bound = await bind('a')
    await reaches(bound.position)
    t.match(await entry('a'), { active: true, position: bound.position, grant: { userId: 'ann' } })
    const { position = 0 } = await revokeTokens(store.ctx, 'one', 'ann', { token: 'a' })
    await reaches(position)
    t.strictSame(await entry('a'), { active: false, position })
  })

  t.test('are never overwritten by an older answer', async (t) => {
    const bound = await bind('b')
    const late = await store.introspect(requestOf('b'))
    t.equal(late.active, true)
    const { position = 0 } = await revokeTokens(store.ctx, 'one', 'ann', { token: 'b' })
    await reaches(position)
    entries.offer(requestOf('b'), late)
    entries.offer(requestOf('z'), { active: false, position: bound.position })
    await eventually('the later offer is written', async () => (await entry('z')) !== undefined)
    t.strictSame(await entry('b'), { active: false, position })
  })

  t.test('a refusal that was on its way does not hide a token that was bound meanwhile', async (t) => {
    const late = await store.introspect(requestOf('c'))
    t.equal(late.active, false)
    const bound = await bind('c')
    await reaches(bound.position)
    entries.offer(requestOf('c'), late)
    entries.offer(requestOf('y'), late)
    await eventually('the later offer is written', async () => (await entry('y')) !== undefined)
    t.match(await entry('c'), { active: true, position: bound.position })
  })

  t.test('end with their credential', async (t) => {
    const expirationDate = new Date(store.clock() + 5_000).toISOString()
    const bound = await bindToken(store.ctx, 'one', { userId: 'ann', token: 'short', expirationDate })
    await reaches(bound.position)
    const ttlMs = await client.pttl(keyOf('short'))
    t.ok(ttlMs > 0 && ttlMs <= 5_000)
  })

  t.test('of an app’s keys follow its settings', async (t) => {
    const key = await createKey(store.ctx, 'platform-key', 'one')
    const { position } = await changeApp(store.ctx, 'one', { origins: ['https://new.example'] })
    await reaches(position)
    const text = await client.get(redisCredentialKey('platform-key', key.credentialId))
    t.match(JSON.parse(text ?? '{}'), {
      active: true,
      grant: { settings: { origins: ['https://new.example'] } },
    })
  })

  t.test('of the default app end with a second app', async (t) => {
    const digest = credentialDigest('default-app', '', '')
    const { position } = await createApp(store.ctx, 'two')
    await reaches(position)
    t.match(JSON.parse((await client.get(redisCredentialKey('default-app', digest))) ?? '{}'), {
      active: false,
    })
  })

  t.test('hold no secret and no foreign key', async (t) => {
    await bind('very-secret')
    await reaches(store.feed.position())
    for (const key of await client.keys('*')) {
      t.ok(key.startsWith('im:credential'), key)
      t.notOk(`${key} ${await client.get(key)}`.includes('very-secret'))
    }
  })

  t.test('while Redis hangs nothing waits; afterwards it catches up from its own position', async (t) => {
    redis.pause()
    const bound = await bind('while-away')
    entries.offer(requestOf('while-away'), await store.introspect(requestOf('while-away')))
    await revokeTokens(store.ctx, 'one', 'ann', { token: 'while-away' })
    const last = await bind('also')
    redis.resume()
    await reaches(last.position)
    t.strictSame(await entry('while-away'), { active: false, position: last.position })
    t.ok(bound.position < last.position)
    t.match(await entry('also'), { active: true })
  })

  t.test('whose position is gone are of unknown age: they go', async (t) => {
    await client.set(keyOf('stale'), JSON.stringify({ active: true, position: 1, grant: {} }))
    await client.del(REDIS_POSITION_KEY)
    await reaches(store.feed.position())
    t.equal(await entry('stale'), undefined)
  })

  t.test('of a later position than the database has are of another life: they go', async (t) => {
    await client.set(keyOf('stale'), JSON.stringify({ active: true, position: 9_999, grant: {} }))
    await client.set(REDIS_POSITION_KEY, 10_000)
    await eventually('the position is ours', async () => (await position()) === store.feed.position())
    t.equal(await entry('stale'), undefined)
  })

  t.test('behind what is kept of the changes are flushed', async (t) => {
    await entries.close()
    await client.set(keyOf('stale'), JSON.stringify({ active: true, position: 1, grant: {} }))
    await client.set(REDIS_POSITION_KEY, 1)
    await store.db.query('', 'DELETE FROM credential_changes')
    const fresh = await startCredentialStoreOn(t, store)
    startEntries(t, fresh, redis)
    await reaches(store.feed.position())
    t.equal(await entry('stale'), undefined)
  })
})

t.test('an app’s secrets never reach Redis, nor does what was true before it had any', async (t) => {
  const { store, redis, client, reaches, entries } = await startAll(t)
  const key = await createKey(store.ctx, 'client-key', 'one')
  await reaches(key.position)
  const entryKey = redisCredentialKey('client-key', key.credentialId)
  t.match(JSON.parse((await client.get(entryKey)) ?? ''), { active: true })

  const secret = 'a secret that is long enough for HS256'
  const url = 'https://auth.example/verify?key=s3cr3t'
  const authentication = { jwt: { algorithm: 'HS256', secret }, external: { url } }
  const { position } = await changeSettings(store.ctx, 'one', { authentication })
  await reaches(position)
  const request = { kind: 'client-key' as const, digest: key.credentialId }
  entries.offer(request, await store.introspect(request))
  await entries.caughtUp()
  t.strictSame(JSON.parse((await client.get(entryKey)) ?? ''), { position, withheld: true })
  for (const name of await client.keys('*'))
    t.notMatch((await client.get(name)) ?? '', /long enough|s3cr3t/, name)

  const lookup = createRedisLookup({
    url: redis.url,
    clock: store.clock,
    log: pino({ level: 'silent' }),
    observe: (event) => events.push(event),
  })
  const events: string[] = []
  t.teardown(() => lookup.close())
  await eventually('the gateway’s lookup is connected', async () => {
    t.equal(
      await lookup.find('client-key', key.credentialId, 0),
      undefined,
      'a gateway asks the core instead',
    )
    return events.at(-1) === 'redis-withheld'
  })
})

/** Another core on the same database, whose feed remembers nothing. */
async function startCredentialStoreOn(t: Scope, store: CredentialStore): Promise<CredentialStore> {
  const log = pino({ level: 'silent' })
  const feed = await createChangeFeed({ db: store.db, clock: store.clock, log, onLost: () => {} })
  t.teardown(() => feed.close())
  return { ...store, feed }
}

t.test('two cores write the same Redis', async (t) => {
  const { store, redis, entry, reaches, bind } = await startAll(t)
  startEntries(t, await startCredentialStoreOn(t, store), redis)
  const tokens = Array.from({ length: 40 }, (_, i) => `token-${i}`)
  await Promise.all(
    tokens.map(async (token, i) => {
      await bind(token)
      if (i % 2 === 0) await revokeTokens(store.ctx, 'one', 'ann', { token })
    }),
  )
  await reaches((await store.introspect(requestOf('any'))).position)
  for (const [i, token] of tokens.entries()) t.match(await entry(token), { active: i % 2 === 1 }, token)
})

t.test('without Redis the core goes on', async (t) => {
  const [store, redis] = await Promise.all([startCredentialStore(t), startRedis(t)])
  await redis.stop()
  const entries = startEntries(t, store, redis)
  entries.offer(requestOf('a'), { active: false, position: 1 })
  await store.addUser('ann')
  t.type((await bindToken(store.ctx, 'one', { userId: 'ann', token: 'a' })).position, 'number')
})
