import { Redis } from 'ioredis'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import type { Credentials, Origin, Outcome } from '../../../gateway/authn/authenticator.ts'
import { createAuthn } from '../../../gateway/authn/authn.ts'
import type { AuthnEvent } from '../../../gateway/authn/authn-event.ts'
import { DEFAULT_FEED_LIMITS } from '../../../gateway/authn/credential-changes.ts'
import { DEFAULT_INTROSPECTION_LIMITS } from '../../../gateway/authn/introspection.ts'
import { startRedis } from '../../support/redis.ts'
import { type CoreStandIn, startCoreStandIn } from './core-stand-in.ts'

const unavailable = { code: 'AUTHENTICATION_UNAVAILABLE' }
const KEY = 'shop_clientkey'
const BANK_KEY = 'bank_clientkey'

const presented = (some: Partial<Credentials>): Credentials => ({
  clientKey: undefined,
  clientToken: undefined,
  platformKey: undefined,
  deviceId: undefined,
  actingUserId: undefined,
  ...some,
})
const from = (some: Partial<Origin> = {}): Origin => ({
  origin: undefined,
  address: '192.0.2.1',
  app: undefined,
  ...some,
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

function addShopAndBank({ store }: CoreStandIn): void {
  store.addApp('shop', { origins: ['https://shop.example'] })
  store.addApp('bank', { allowPlatformKeyFromBrowser: true, platformSources: ['192.0.2.0/24'] })
  store.addKey('client-key', 'shop', KEY)
  store.addKey('client-key', 'bank', BANK_KEY)
  store.addKey('platform-key', 'shop', 'shop_apikey')
  store.addKey('platform-key', 'bank', 'bank_apikey')
  store.bind('shop', 'token', 'ada')
  store.bind('bank', 'bank token', 'bob')
}

async function setUp(t: Test, fill: (core: CoreStandIn) => void = addShopAndBank, redisUrl?: string) {
  const core = await startCoreStandIn(t)
  fill(core)
  const clock = { nowMs: Date.now() }
  const events: AuthnEvent[] = []
  const authn = createAuthn({
    coreInternalUrl: core.url,
    redisUrl,
    clock: () => clock.nowMs,
    log: pino({ level: 'silent' }),
    observe: (event) => events.push(event),
    limits: {
      feed: { ...DEFAULT_FEED_LIMITS, retryMs: 5, maxRetryMs: 20 },
      introspection: { ...DEFAULT_INTROSPECTION_LIMITS, totalMs: 500 },
    },
  })
  t.teardown(() => authn.close())
  await until(() => authn.feed.state() === 'current' && core.pollCount() > 1)
  core.introspections.length = 0
  return {
    core,
    clock,
    events,
    authn,
    authenticate: (some: Partial<Credentials>, origin: Partial<Origin> = {}) =>
      authn.authenticate(presented(some), from(origin)),
    /** Until the gateway has followed everything that changed. */
    async follow() {
      core.push()
      await authn.feed.reached(core.store.position(), 5_000)
    },
  }
}

const codeOf = (outcome: Outcome | undefined): string | undefined =>
  outcome && ('refused' in outcome ? outcome.refused : `${outcome.proof.kind} ${outcome.proof.app}`)

t.test('nothing presented is nobody’s business', async (t) => {
  const s = await setUp(t)
  t.equal(s.authenticate({}), undefined)
  t.equal(s.authenticate({ deviceId: 'd', actingUserId: 'ada' }), undefined)
})

t.test('client key and token prove a user, and the second time at once', async (t) => {
  const s = await setUp(t)
  const outcome = await s.authenticate({ clientKey: KEY, clientToken: 'token' })
  t.match(outcome, {
    proof: {
      kind: 'client',
      app: 'shop',
      userId: 'ada',
      settings: { origins: ['https://shop.example'] },
      credentialId: credentialDigest('client-token', 'shop', 'token'),
    },
  })
  const again = s.authenticate({ clientKey: KEY, clientToken: 'token' })
  t.notOk(again instanceof Promise)
  t.equal(
    outcome && 'proof' in outcome && outcome.proof,
    again && 'proof' in again && again.proof,
    'one proof, so that its signature is made once',
  )
  t.equal(s.core.introspections.length, 2)
})

t.test('a refusal names the credential that is bad', async (t) => {
  const s = await setUp(t)
  for (const [some, code] of [
    [{ clientToken: 'token' }, 'INVALID_CLIENT_KEY'],
    [{ clientKey: 'wrong', clientToken: 'token' }, 'INVALID_CLIENT_KEY'],
    [{ clientKey: KEY, clientToken: 'wrong' }, 'INVALID_TOKEN'],
    [{ clientKey: 'wrong' }, 'INVALID_CLIENT_KEY'],
    [{ platformKey: 'wrong' }, 'INVALID_API_KEY'],
    [{ clientKey: KEY, clientToken: 'x'.repeat(5_000) }, 'INVALID_TOKEN'],
  ] as const) {
    t.equal(codeOf(await s.authenticate(some)), code)
    const again = s.authenticate(some)
    t.notOk(again instanceof Promise, 'from the cache')
    t.equal(codeOf(await again), code)
  }
})

t.test('a client key alone proves an app and nobody in it', async (t) => {
  const s = await setUp(t)
  t.match(await s.authenticate({ clientKey: KEY }), {
    proof: { kind: 'client-key', app: 'shop', userId: undefined },
  })
})

t.test('a platform key decides, whatever stands beside it', async (t) => {
  const s = await setUp(t)
  const beside = { clientKey: KEY, clientToken: 'token' }
  t.equal(codeOf(await s.authenticate({ platformKey: 'wrong', ...beside })), 'INVALID_API_KEY')
  t.equal(codeOf(await s.authenticate({ platformKey: 'shop_apikey', ...beside })), 'platform shop')
  t.equal(codeOf(await s.authenticate({ platformKey: 'token', ...beside })), 'INVALID_API_KEY')
})

t.test('a platform key in a browser is refused unless its app allows it', async (t) => {
  const s = await setUp(t)
  for (const origin of ['https://shop.example', 'null', ''])
    t.equal(
      codeOf(await s.authenticate({ platformKey: 'shop_apikey' }, { origin })),
      'PLATFORM_KEY_FROM_BROWSER',
    )
  const own = { origin: 'https://shop.example', console: true }
  t.equal(
    codeOf(await s.authenticate({ platformKey: 'shop_apikey' }, own)),
    'platform shop',
    'or it is the console',
  )
  t.equal(
    codeOf(await s.authenticate({ platformKey: 'shop_apikey' }, { ...own, socket: true })),
    'PLATFORM_KEY_FROM_BROWSER',
    'which opens no sockets',
  )
  t.equal(codeOf(await s.authenticate({ platformKey: 'bank_apikey' }, { origin: 'null' })), 'platform bank')
  t.equal(codeOf(await s.authenticate({ platformKey: 'wrong' }, { origin: 'null' })), 'INVALID_API_KEY')
})

t.test('a platform key comes from the addresses that its app names', async (t) => {
  const s = await setUp(t)
  const platformKey = 'bank_apikey'
  t.equal(codeOf(await s.authenticate({ platformKey }, { address: '192.0.2.77' })), 'platform bank')
  t.equal(codeOf(await s.authenticate({ platformKey }, { address: '198.51.100.1' })), 'SOURCE_NOT_ALLOWED')
  s.core.store.changeSettings('bank', { platformSources: ['198.51.100.0/24'] })
  await s.follow()
  t.equal(codeOf(await s.authenticate({ platformKey }, { address: '192.0.2.77' })), 'SOURCE_NOT_ALLOWED')
  t.equal(codeOf(await s.authenticate({ platformKey }, { address: '198.51.100.1' })), 'platform bank')
})

t.test('no key is good as another kind, and none in another app', async (t) => {
  const s = await setUp(t)
  for (const [some, code] of [
    [{ clientKey: BANK_KEY, clientToken: 'token' }, 'INVALID_TOKEN'],
    [{ clientKey: KEY, clientToken: 'bank token' }, 'INVALID_TOKEN'],
    [{ clientKey: 'shop_apikey', clientToken: 'token' }, 'INVALID_CLIENT_KEY'],
    [{ clientKey: 'token', clientToken: KEY }, 'INVALID_CLIENT_KEY'],
    [{ platformKey: KEY }, 'INVALID_API_KEY'],
    [{ clientKey: KEY, clientToken: KEY }, 'INVALID_TOKEN'],
    [{ clientKey: KEY, clientToken: 'shop_apikey' }, 'INVALID_TOKEN'],
  ] as const)
    t.equal(codeOf(await s.authenticate(some)), code)
})

t.test('in a socket of one app no credential of another is good', async (t) => {
  const s = await setUp(t)
  const bank = { app: 'bank', socket: true }
  t.equal(codeOf(await s.authenticate({ clientKey: KEY, clientToken: 'token' }, bank)), 'INVALID_CLIENT_KEY')
  t.equal(codeOf(await s.authenticate({ clientKey: KEY }, bank)), 'INVALID_CLIENT_KEY')
  t.equal(codeOf(await s.authenticate({ platformKey: 'shop_apikey' }, bank)), 'INVALID_API_KEY')
  t.equal(
    codeOf(await s.authenticate({ clientKey: BANK_KEY, clientToken: 'bank token' }, bank)),
    'client bank',
  )
})

t.test('a socket’s token without a client key is of the app that its upgrade named', async (t) => {
  const s = await setUp(t)
  await s.authenticate({ clientKey: KEY }, { socket: true })
  const shop = { app: 'shop', socket: true }
  t.equal(codeOf(await s.authenticate({ clientToken: 'token' }, shop)), 'client shop')
  t.notOk(s.authenticate({ clientToken: 'token' }, shop) instanceof Promise)
  t.equal(codeOf(await s.authenticate({ clientToken: 'bank token' }, shop)), 'INVALID_TOKEN')
})

t.test('or of the deployment’s only app; of many apps none is meant', async (t) => {
  const s = await setUp(t, ({ store }) => {
    store.addApp('shop')
    store.bind('shop', 'token', 'ada')
  })
  const socket = { socket: true }
  t.equal(codeOf(await s.authenticate({ clientToken: 'token' }, socket)), 'client shop')
  t.equal(codeOf(await s.authenticate({ clientToken: 'token' }, { ...socket, app: 'shop' })), 'client shop')
  t.equal(codeOf(await s.authenticate({ clientToken: 'token' })), 'INVALID_CLIENT_KEY', 'not over HTTP')
  s.core.store.addApp('bank')
  await s.follow()
  t.equal(codeOf(await s.authenticate({ clientToken: 'token' }, socket)), 'INVALID_CLIENT_KEY')
})

t.test('a revoked token is refused as soon as the feed was reached; a new one is taken', async (t) => {
  const s = await setUp(t)
  const ada = { clientKey: KEY, clientToken: 'token' }
  const next = { clientKey: KEY, clientToken: 'next' }
  t.equal(codeOf(await s.authenticate(ada)), 'client shop')
  t.equal(codeOf(await s.authenticate(next)), 'INVALID_TOKEN')
  const told: Promise<string | undefined>[] = []
  s.authn.feed.onChange(() => told.push(Promise.resolve(s.authenticate(ada)).then(codeOf)))
  s.core.store.revokeToken('shop', 'token')
  s.core.store.bind('shop', 'next', 'ada')
  await s.follow()
  t.equal(codeOf(await s.authenticate(ada)), 'INVALID_TOKEN')
  t.equal(codeOf(await s.authenticate(next)), 'client shop')
  t.same(await Promise.all(told), ['INVALID_TOKEN', 'INVALID_TOKEN'], 'listeners see it evicted')
})

t.test('settings changed are settings seen, in tokens cached before too', async (t) => {
  const s = await setUp(t)
  const ada = { clientKey: KEY, clientToken: 'token' }
  await s.authenticate(ada)
  s.core.store.changeSettings('shop', { origins: ['https://new.example'] })
  await s.follow()
  t.match(await s.authenticate(ada), { proof: { settings: { origins: ['https://new.example'] } } })
})

t.test('with the core down, what is cached holds for 30 s, and the rest is no refusal', async (t) => {
  const s = await setUp(t)
  const ada = { clientKey: KEY, clientToken: 'token' }
  await s.authenticate(ada)
  await s.core.stop()
  await until(() => s.authn.feed.state() === 'behind')
  t.equal(codeOf(await s.authenticate(ada)), 'client shop')
  t.ok(s.events.includes('cache-hit-behind'))
  await t.rejects(async () => s.authenticate({ clientKey: KEY, clientToken: 'cold' }), unavailable)
  await t.rejects(async () => s.authenticate({ platformKey: 'cold' }), unavailable)
  s.clock.nowMs += DEFAULT_FEED_LIMITS.staleAfterMs + 1
  await t.rejects(async () => s.authenticate(ada), unavailable)
  s.core.store.revokeToken('shop', 'token')
  await s.core.restart()
  await until(() => s.authn.feed.state() === 'current')
  t.equal(codeOf(await s.authenticate(ada)), 'INVALID_TOKEN', 'what was missed has been caught up with')
})

t.test('a core that fails, lies or hangs is never a refusal', async (t) => {
  const s = await setUp(t)
  await s.authenticate({ clientKey: KEY })
  const cold = { clientKey: KEY, clientToken: 'token' }
  for (const wrong of [{ status: 500 }, { status: 404 }, { raw: '{"active":false}' }, { raw: '' }]) {
    s.core.introspection = () => wrong
    await t.rejects(async () => s.authenticate(cold), unavailable)
    s.clock.nowMs += 250
  }
  s.core.introspection = undefined
  s.core.beforeAnswer = () => new Promise(() => {})
  await t.rejects(async () => s.authenticate(cold), unavailable)
  s.clock.nowMs += 250
  s.core.beforeAnswer = undefined
  t.equal(codeOf(await s.authenticate(cold)), 'client shop')
})

t.test('a herd on one cold token is one question to the core', async (t) => {
  const s = await setUp(t)
  const ada = { clientKey: KEY, clientToken: 'token' }
  const outcomes = await Promise.all(Array.from({ length: 5_000 }, () => s.authenticate(ada)))
  t.ok(outcomes.every((outcome) => codeOf(outcome) === 'client shop'))
  t.equal(s.core.asked('client-key'), 1)
  t.equal(s.core.asked('client-token'), 1)
})

t.test('Redis spares the core, and a Redis that missed a change is not believed', async (t) => {
  const server = await startRedis(t)
  const s = await setUp(t, addShopAndBank, server.url)
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  const write = async (position: number, token: string) => {
    const digest = credentialDigest('client-token', 'shop', token)
    const entry = JSON.stringify(s.core.store.introspect('client-token', digest))
    await redis.set(redisCredentialKey('client-token', digest), entry)
    await redis.set(REDIS_POSITION_KEY, position)
  }
  await s.authenticate({ clientKey: KEY })
  while (s.events.at(-1) === 'redis-skipped')
    await s.authenticate({ platformKey: `probe ${s.events.length}` })
  const asked = () => s.core.asked('client-token')

  await write(s.core.store.position(), 'token')
  t.equal(codeOf(await s.authenticate({ clientKey: KEY, clientToken: 'token' })), 'client shop')
  t.equal(asked(), 0)

  s.core.store.revokeToken('shop', 'token')
  await s.follow()
  t.equal(codeOf(await s.authenticate({ clientKey: KEY, clientToken: 'token' })), 'INVALID_TOKEN')
  t.equal(asked(), 1, 'the write for the revocation was lost: the core is asked')

  s.core.store.bind('shop', 'second', 'ada')
  await s.follow()
  await write(s.core.store.position(), 'second')
  server.pause()
  t.equal(codeOf(await s.authenticate({ clientKey: KEY, clientToken: 'second' })), 'client shop')
  t.equal(asked(), 2, 'Redis hangs: the core is asked')
  await server.stop()
  s.core.store.bind('shop', 'third', 'ada')
  await s.follow()
  t.equal(codeOf(await s.authenticate({ clientKey: KEY, clientToken: 'third' })), 'client shop')
  t.equal(asked(), 3, 'Redis is gone: the core is asked')
})

t.test('closing ends everything it started', async (t) => {
  const s = await setUp(t)
  const waiting = s.authn.feed.reached(1_000, 60_000)
  s.core.beforeAnswer = () => new Promise(() => {})
  const lookup = Promise.resolve(s.authenticate({ clientKey: KEY }))
  await until(() => s.core.introspections.length === 1)
  await Promise.all([s.authn.close(), t.rejects(lookup, unavailable)])
  t.equal(await waiting, false)
})
