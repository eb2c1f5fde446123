import t from 'tap'
import { credentialDigest, MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import type { Introspection } from '#contract/internal.ts'
import type { AuthnEvent } from '../../../gateway/authn/authn-event.ts'
import { createChangeLedger } from '../../../gateway/authn/change-ledger.ts'
import type { FeedState } from '../../../gateway/authn/credential-changes.ts'
import { createCredentialStore, DEFAULT_STORE_LIMITS } from '../../../gateway/authn/credential-store.ts'
import { createOutcomeCache } from '../../../gateway/authn/outcome-cache.ts'
import { createUserStore, settingsOf } from './core-stand-in.ts'

const unavailable = { code: 'AUTHENTICATION_UNAVAILABLE' }
const shop = settingsOf('shop')
const bank = settingsOf('bank')

type Pending = { digest: string; kind: string; answer(): void; fail(): void }

/** The store over a user store whose answers are sent when the test says so, and whose feed it carries. */
function setUp(limits: Partial<typeof DEFAULT_STORE_LIMITS> = {}, followed = true) {
  const users = createUserStore()
  users.addApp('shop')
  users.addApp('bank')
  const clock = { nowMs: 1_000_000 }
  const feed = { at: users.position(), state: 'current' as FeedState }
  const events: AuthnEvent[] = []
  const pending: Pending[] = []
  const cache = createOutcomeCache(() => clock.nowMs)
  const ledger = createChangeLedger(cache)
  if (followed) ledger.reset(feed.at)
  const redis = { answer: undefined as Introspection | undefined, asked: 0 }
  const store = createCredentialStore({
    cache,
    ledger,
    feed: { position: () => (followed ? feed.at : undefined), state: () => feed.state },
    redis: {
      async find() {
        redis.asked += 1
        return redis.answer
      },
    },
    introspect(kind, digest) {
      const snapshot = users.introspect(kind, digest)
      return new Promise((resolve, reject) => {
        pending.push({
          kind,
          digest,
          answer: () => resolve(snapshot),
          fail: () => reject(new Error('the core is down')),
        })
      })
    },
    clock: () => clock.nowMs,
    observe: (event) => events.push(event),
    limits: { ...DEFAULT_STORE_LIMITS, ...limits },
  })
  return {
    users,
    clock,
    feed,
    events,
    pending,
    redis,
    store,
    cache,
    token: (secret: string, within = shop) => store.resolve('client-token', within, secret),
    /** The gateway hears of everything that changed. */
    follow() {
      for (const change of users.changesAfter(feed.at)) ledger.apply(change)
      feed.at = users.position()
    },
    reset() {
      ledger.reset(users.position())
      feed.at = users.position()
    },
    /** Once the store has asked `count` times altogether. */
    async asked(count: number): Promise<Pending> {
      while (pending.length < count) await new Promise(setImmediate)
      const last = pending[count - 1]
      if (last === undefined) throw new Error('nothing asked')
      return last
    },
  }
}

t.test('a good credential is looked up once, then answered at once with the same proof', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const lookup = s.token('secret')
  t.ok(lookup instanceof Promise)
  const question = await s.asked(1)
  question.answer()
  const proof = await lookup
  t.match(proof, { kind: 'client', app: 'shop', userId: 'ada', settings: shop })
  t.equal(proof?.credentialId, credentialDigest('client-token', 'shop', 'secret'))
  t.equal(s.token('secret'), proof)
  t.equal(s.token('secret'), proof)
  t.equal(s.pending.length, 1)
})

t.test('5 000 requests with one cold token are one lookup, and all get its answer', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const lookups = Array.from({ length: 5_000 }, () => s.token('secret'))
  const question = await s.asked(1)
  question.answer()
  const proofs = await Promise.all(lookups)
  t.ok(proofs.every((proof) => proof !== undefined && proof === proofs[0]))
  t.equal(s.pending.length, 1)
  t.equal(s.redis.asked, 1)
})

t.test('a bad credential is refused from the cache until it is granted', async (t) => {
  const s = setUp()
  const lookup = s.token('secret')
  ;(await s.asked(1)).answer()
  t.equal(await lookup, undefined)
  t.equal(s.token('secret'), undefined)
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const again = s.token('secret')
  ;(await s.asked(2)).answer()
  t.ok(await again)
})

t.test(
  'a revoked token is refused as soon as the feed says so; the user’s other tokens are not',
  async (t) => {
    const s = setUp()
    s.users.bind('shop', 'old', 'ada')
    s.users.bind('shop', 'new', 'ada')
    s.follow()
    for (const [i, secret] of ['old', 'new'].entries()) {
      const lookup = s.token(secret)
      ;(await s.asked(i + 1)).answer()
      await lookup
    }
    s.users.revokeToken('shop', 'old')
    s.follow()
    t.ok(s.token('new'))
    const again = s.token('old')
    ;(await s.asked(3)).answer()
    t.equal(await again, undefined)
  },
)

t.test('the end of a user refuses every token of it', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'one', 'ada')
  s.follow()
  const lookup = s.token('one')
  ;(await s.asked(1)).answer()
  await lookup
  s.users.revokeUser('shop', 'ada')
  s.follow()
  const again = s.token('one')
  ;(await s.asked(2)).answer()
  t.equal(await again, undefined)
})

t.test('a lookup during which its credential changes is made once more, for its waiters too', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const early = s.token('secret')
  const late = await s.asked(1)
  s.users.revokeToken('shop', 'secret')
  s.follow()
  const joined = s.token('secret')
  late.answer()
  ;(await s.asked(2)).answer()
  t.equal(await early, undefined)
  t.equal(await joined, undefined)
  t.equal(s.token('secret'), undefined, 'what was cached is the second answer')
  t.equal(s.pending.length, 2)
})

t.test('so it is when its user ends, or its app changes', async (t) => {
  for (const change of ['user', 'app'] as const) {
    const s = setUp()
    s.users.bind('shop', 'secret', 'ada')
    s.follow()
    const lookup = s.token('secret')
    const late = await s.asked(1)
    if (change === 'user') s.users.revokeUser('shop', 'ada')
    else s.users.changeSettings('shop', { origins: [] })
    s.follow()
    late.answer()
    ;(await s.asked(2)).answer()
    t.equal((await lookup)?.userId, change === 'user' ? undefined : 'ada', change)
  }
})

t.test('a token granted while its lookup is in flight is found', async (t) => {
  const s = setUp()
  const lookup = s.token('secret')
  const late = await s.asked(1)
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  late.answer()
  ;(await s.asked(2)).answer()
  t.equal((await lookup)?.userId, 'ada')
})

t.test('a store that answers from before a known change twice is not believed', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const lookup = s.token('secret')
  const first = await s.asked(1)
  s.users.revokeToken('shop', 'secret')
  s.follow()
  first.answer()
  const second = await s.asked(2)
  s.users.bind('shop', 'secret', 'eve')
  s.follow()
  second.answer()
  await t.rejects(Promise.resolve(lookup), unavailable)
  t.equal(s.cache.proofCount() + s.cache.refusalCount(), 0)
})

t.test('a lookup that crosses a reset of the feed is made once more', async (t) => {
  const s = setUp()
  const lookup = s.token('secret')
  const late = await s.asked(1)
  s.users.bind('shop', 'secret', 'ada')
  s.reset()
  const joined = s.token('secret')
  late.answer()
  ;(await s.asked(2)).answer()
  t.equal((await lookup)?.userId, 'ada')
  t.equal((await joined)?.userId, 'ada', 'who asked after the reset is not given what was before it')
})

t.test('before the feed is followed, answers are passed on and not cached', async (t) => {
  const s = setUp({}, false)
  s.users.bind('shop', 'secret', 'ada')
  const lookup = s.token('secret')
  ;(await s.asked(1)).answer()
  t.equal((await lookup)?.userId, 'ada')
  t.equal(s.pending.length, 1)
  t.equal(s.redis.asked, 0)
  t.equal(s.cache.proofCount(), 0)
})

t.test('a change of something else does not disturb a lookup', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const lookup = s.token('secret')
  s.users.bind('shop', 'another', 'ada')
  s.users.revokeUser('bank', 'ada')
  s.users.changeSettings('bank', {})
  s.follow()
  ;(await s.asked(1)).answer()
  const proof = await lookup
  t.equal(s.token('secret'), proof)
})

t.test('an expired credential is refused, and a cached one ends on time', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada', s.clock.nowMs + 1_000)
  s.follow()
  const lookup = s.token('secret')
  ;(await s.asked(1)).answer()
  t.ok(await lookup)
  s.clock.nowMs += 1_000
  const again = s.token('secret')
  t.ok(again instanceof Promise)
  ;(await s.asked(2)).answer()
  t.equal(await again, undefined)
})

t.test('apps and kinds never cross', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'same', 'ada')
  s.users.bind('bank', 'same', 'bob')
  s.users.addKey('client-key', 'shop', 'key')
  s.follow()
  const inShop = s.token('same', shop)
  const inBank = s.token('same', bank)
  const asPlatform = s.store.resolve('platform-key', undefined, 'key')
  const asClient = s.store.resolve('client-key', undefined, 'key')
  for (let i = 1; i <= 4; i++) (await s.asked(i)).answer()
  t.equal((await inShop)?.userId, 'ada')
  t.equal((await inBank)?.userId, 'bob')
  t.equal(await asPlatform, undefined)
  t.match(await asClient, { kind: 'client-key', app: 'shop', userId: undefined })
  s.users.revokeToken('bank', 'same')
  s.follow()
  t.match(s.token('same', shop), { userId: 'ada' })
})

t.test('a token that the store says is of another app is broken machinery, not a good token', async (t) => {
  const s = setUp()
  const digest = credentialDigest('client-token', 'shop', 'secret')
  const foreign = { kind: 'client-token', app: 'bank', userId: 'eve', expiresAtMs: undefined } as const
  s.redis.answer = { active: true, position: s.feed.at, grant: foreign }
  const lookup = s.token('secret')
  const question = await s.asked(1)
  t.equal(question.digest, digest)
  question.answer()
  t.equal(await lookup, undefined, 'Redis is not believed, the core is asked')
})

t.test('a credential longer than any is refused unseen', async (t) => {
  const s = setUp()
  t.equal(s.token('x'.repeat(MAX_CREDENTIAL_BYTES + 1)), undefined)
  t.equal(s.token('é'.repeat(MAX_CREDENTIAL_BYTES / 2 + 1)), undefined)
  t.equal(s.pending.length + s.redis.asked, 0)
  const longest = s.token('x'.repeat(MAX_CREDENTIAL_BYTES))
  ;(await s.asked(1)).answer()
  t.equal(await longest, undefined)
})

t.test('the failure matrix', async (t) => {
  const cached = async () => {
    const s = setUp()
    s.users.bind('shop', 'good', 'ada')
    s.users.addKey('platform-key', 'shop', 'key')
    s.follow()
    const lookups = [s.token('good'), s.token('bad'), s.store.resolve('platform-key', undefined, 'key')]
    for (const i of [1, 2, 3]) (await s.asked(i)).answer()
    await Promise.all(lookups)
    s.events.length = 0
    return s
  }

  await t.test('in cache, feed current: allowed', async (t) => {
    const s = await cached()
    t.ok(s.token('good'))
    t.ok(s.store.resolve('platform-key', undefined, 'key'))
    t.equal(s.token('bad'), undefined)
    t.same(s.events, ['cache-hit', 'cache-hit', 'cache-negative-hit'])
  })

  await t.test('in cache, feed behind for a while: allowed and counted', async (t) => {
    const s = await cached()
    s.feed.state = 'behind'
    t.ok(s.token('good'))
    t.ok(s.store.resolve('platform-key', undefined, 'key'))
    t.same(s.events, ['cache-hit-behind', 'cache-hit-behind'])
  })

  await t.test('in cache, feed behind for longer: cannot tell', async (t) => {
    const s = await cached()
    s.feed.state = 'stale'
    t.throws(() => s.token('good'), unavailable)
    t.throws(() => s.store.resolve('platform-key', undefined, 'key'), unavailable)
    t.throws(() => s.token('bad'), unavailable, 'nor that it is still bad')
    s.feed.state = 'current'
    t.ok(s.token('good'), 'and as soon as it has caught up, again')
  })

  await t.test('not in cache, store down: cannot tell, and never a refusal', async (t) => {
    for (const state of ['current', 'behind', 'stale'] as const) {
      const s = setUp()
      s.feed.state = state
      const lookup = s.token('secret')
      ;(await s.asked(1)).fail()
      await t.rejects(Promise.resolve(lookup), unavailable, state)
      t.equal(s.cache.refusalCount(), 0)
    }
  })

  await t.test(
    'not in cache, feed stale, store up: its answer holds for this once, Redis is not asked',
    async (t) => {
      const s = setUp()
      s.users.bind('shop', 'good', 'ada')
      s.feed.state = 'stale'
      const lookup = s.token('good')
      ;(await s.asked(1)).answer()
      t.ok(await lookup)
      t.equal(s.cache.proofCount() + s.redis.asked, 0)
    },
  )
})

t.test('an error is shared by those who waited for it, and by nobody after', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  const waiters = [s.token('secret'), s.token('secret'), s.token('secret')]
  ;(await s.asked(1)).fail()
  for (const waiter of waiters) await t.rejects(Promise.resolve(waiter), unavailable)
  s.clock.nowMs += DEFAULT_STORE_LIMITS.maxPauseMs
  const later = s.token('secret')
  ;(await s.asked(2)).answer()
  t.ok(await later)
})

t.test('a core that fails is left alone for a moment, a quarter of a second at most', async (t) => {
  const s = setUp()
  for (let failure = 1; failure <= 8; failure++) {
    const lookup = s.token(`secret ${failure}`)
    ;(await s.asked(failure)).fail()
    await t.rejects(Promise.resolve(lookup), unavailable)
    await t.rejects(Promise.resolve(s.token('another')), unavailable, 'not asked')
    t.equal(s.pending.length, failure)
    s.clock.nowMs += failure === 1 ? 25 : DEFAULT_STORE_LIMITS.maxPauseMs
  }
  const lookup = s.token('secret')
  ;(await s.asked(9)).answer()
  await lookup
})

t.test('while the core is down, what Redis knows is still found', async (t) => {
  const s = setUp()
  const lookup = s.token('secret')
  ;(await s.asked(1)).fail()
  await t.rejects(Promise.resolve(lookup), unavailable)
  const grant = { kind: 'client-token', app: 'shop', userId: 'ada', expiresAtMs: undefined } as const
  s.redis.answer = { active: true, position: s.feed.at, grant }
  t.match(await s.token('secret'), { userId: 'ada' })
  t.match(s.token('secret'), { userId: 'ada' })
})

t.test('a Redis entry that its change overtakes on the way is not believed', async (t) => {
  const s = setUp()
  s.users.bind('shop', 'secret', 'ada')
  s.follow()
  s.redis.answer = s.users.introspect('client-token', credentialDigest('client-token', 'shop', 'secret'))
  const lookup = s.token('secret')
  s.users.revokeToken('shop', 'secret')
  s.follow()
  ;(await s.asked(1)).answer()
  t.equal(await lookup, undefined)
})

t.test('lookups are bounded: one more credential than that cannot be told', async (t) => {
  const s = setUp({ maxLookups: 2 })
  const lookups = [s.token('a'), s.token('b')]
  t.throws(() => s.token('c'), unavailable)
  t.ok(s.token('a') instanceof Promise, 'those in flight can be joined')
  for (const i of [1, 2]) (await s.asked(i)).answer()
  await Promise.all(lookups)
  const lookup = s.token('c')
  ;(await s.asked(3)).answer()
  t.equal(await lookup, undefined)
})

t.test('an app named by a client key before is known by name, while that key is good', async (t) => {
  const s = setUp()
  s.users.addKey('client-key', 'shop', 'key')
  s.follow()
  const named = s.store.resolve('client-key', undefined, 'key')
  ;(await s.asked(1)).answer()
  const proof = await named
  t.equal(s.store.resolveApp('shop'), proof)
  s.users.changeSettings('shop', { origins: ['https://shop.example'] })
  s.follow()
  const fresh = s.store.resolveApp('shop')
  ;(await s.asked(2)).answer()
  t.same((await fresh)?.settings.origins, ['https://shop.example'], 'with the settings of now')
  s.users.revoke('shop', credentialDigest('client-key', '', 'key'))
  s.follow()
  const gone = s.store.resolveApp('shop')
  ;(await s.asked(3)).answer()
  t.equal(await gone, undefined)
})
