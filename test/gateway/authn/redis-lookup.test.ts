import { Redis } from 'ioredis'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { type CredentialKind, credentialDigest } from '#contract/credential.ts'
import { type Introspection, REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import type { AuthnEvent } from '../../../gateway/authn/authn-event.ts'
import { createRedisLookup, DEFAULT_REDIS_LIMITS } from '../../../gateway/authn/redis-lookup.ts'
import { startRedis } from '../../support/redis.ts'

const digest = credentialDigest('client-token', 'shop', 'secret')
const entryAt = (position: number): Introspection => ({
  active: true,
  position,
  grant: { kind: 'client-token', app: 'shop', userId: 'ada', expiresAtMs: undefined },
})

async function setUp(t: Test) {
  const server = await startRedis(t)
  const core = new Redis(server.url)
  core.on('error', () => {})
  t.teardown(() => core.disconnect())
  const clock = { nowMs: 1_000_000 }
  const events: AuthnEvent[] = []
  const lookup = createRedisLookup({
    url: server.url,
    clock: () => clock.nowMs,
    log: pino({ level: 'silent' }),
    observe: (event) => events.push(event),
  })
  t.teardown(() => lookup.close())
  return {
    server,
    core,
    clock,
    events,
    find: (known: number, kind: CredentialKind = 'client-token') => lookup.find(kind, digest, known),
    last: () => events.at(-1),
    async write(position: number | string, entry: unknown, kind: CredentialKind = 'client-token') {
      await core.set(REDIS_POSITION_KEY, position)
      await core.set(
        redisCredentialKey(kind, digest),
        typeof entry === 'string' ? entry : JSON.stringify(entry),
      )
    },
    /** Until the connection stands again. */
    async ready() {
      do {
        clock.nowMs += DEFAULT_REDIS_LIMITS.maxPauseMs
        await new Promise((resolve) => setTimeout(resolve, 10))
        await lookup.find('client-token', digest, 0)
      } while (events.at(-1) === 'redis-skipped' || events.at(-1) === 'redis-failed')
    },
  }
}

t.test('an entry is believed where Redis has come as far as the gateway', async (t) => {
  const s = await setUp(t)
  await s.ready()
  t.equal(s.last(), 'redis-miss')
  await s.write(7, entryAt(3))
  t.match(await s.find(7), { active: true, position: 7, grant: { userId: 'ada' } })
  t.match(await s.find(5), { position: 7 })
  t.equal(s.last(), 'redis-hit')
  await s.write(7, { active: false, position: 9 })
  t.same(await s.find(7), { active: false, position: 9 }, 'it may be newer than the position')
})

t.test('an entry whose change was never written to Redis is not believed', async (t) => {
  const s = await setUp(t)
  await s.ready()
  await s.write(7, entryAt(3))
  t.equal(await s.find(8), undefined)
  t.equal(s.last(), 'redis-behind')
  await s.core.del(REDIS_POSITION_KEY)
  t.equal(await s.find(0), undefined, 'nor one in a Redis that lost its position')
  t.equal(s.last(), 'redis-behind')
})

t.test('whatever is not an entry is a miss', async (t) => {
  const s = await setUp(t)
  await s.ready()
  for (const entry of [
    '',
    'no',
    '[]',
    '{}',
    { ...entryAt(3), grant: { kind: 'platform-key', app: 'shop' } },
  ]) {
    await s.write(7, entry)
    t.equal(await s.find(7), undefined)
    t.equal(s.last(), 'redis-malformed')
  }
  for (const position of ['', '-1', '7.5', 'NaN', '99999999999999999999']) {
    await s.write(position, entryAt(3))
    t.equal(await s.find(7), undefined)
    t.equal(s.last(), 'redis-behind')
  }
  await s.core.del(redisCredentialKey('client-token', digest))
  await s.core.hset(redisCredentialKey('client-token', digest), 'a', 'b')
  t.equal(await s.find(7), undefined, 'a key of another type')
})

t.test('an entry of one kind is no entry of another', async (t) => {
  const s = await setUp(t)
  await s.ready()
  await s.write(7, entryAt(3), 'client-token')
  t.equal(await s.find(7, 'platform-key'), undefined)
})

t.test('a Redis that hangs costs a moment once, then is left alone, then is tried by one', async (t) => {
  const s = await setUp(t)
  await s.ready()
  await s.write(7, entryAt(3))
  s.server.pause()
  const lookups = await Promise.all([s.find(7), s.find(7), s.find(7)])
  t.same(lookups, [undefined, undefined, undefined])
  t.same(s.events.slice(-3), ['redis-failed', 'redis-failed', 'redis-failed'])
  t.equal(await s.find(7), undefined)
  t.equal(s.last(), 'redis-skipped')
  s.clock.nowMs += DEFAULT_REDIS_LIMITS.pauseMs
  await Promise.all([s.find(7), s.find(7)])
  t.same(s.events.slice(-2), ['redis-skipped', 'redis-failed'], 'one probe')
  s.clock.nowMs += DEFAULT_REDIS_LIMITS.pauseMs
  await s.find(7)
  t.equal(s.last(), 'redis-skipped', 'the pause grows')
  s.server.resume()
  await s.ready()
  t.match(await s.find(7), { position: 7 })
})

t.test('a Redis that is gone is a miss at once, and is found again when it is back', async (t) => {
  const s = await setUp(t)
  await s.ready()
  const inFlight = s.find(7)
  await s.server.stop()
  t.equal(await inFlight, undefined)
  t.equal(await s.find(7), undefined)
  t.ok(['redis-skipped', 'redis-failed'].includes(s.last() ?? ''))
})

t.test('a Redis that was never there, or wants a password, is a miss and no crash', async (t) => {
  const s = await setUp(t)
  await s.ready()
  await s.core.config('SET', 'requirepass', 'hunter2')
  const written: string[] = []
  const lookup = createRedisLookup({
    url: s.server.url.replace('redis://', 'redis://:wrong-password@'),
    clock: () => s.clock.nowMs,
    log: pino({}, { write: (line: string) => written.push(line) }),
    observe: () => {},
  })
  t.teardown(() => lookup.close())
  while (written.length === 0) {
    t.equal(await lookup.find('client-token', digest, 0), undefined)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.notMatch(written.join(''), /wrong-password/, 'and no password in the log')
})

t.test('closing ends the connection', async (t) => {
  const s = await setUp(t)
  await s.ready()
  const clients = async () =>
    String(await s.core.client('LIST'))
      .trim()
      .split('\n').length
  t.equal(await clients(), 2)
  const second = createRedisLookup({
    url: s.server.url,
    clock: Date.now,
    log: pino({ level: 'silent' }),
    observe: () => {},
  })
  while ((await clients()) < 3) await new Promise(setImmediate)
  second.close()
  while ((await clients()) > 2) await new Promise(setImmediate)
  t.equal(await second.find('client-token', digest, 0), undefined)
})
