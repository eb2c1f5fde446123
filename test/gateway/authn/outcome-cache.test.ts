import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import type { Proof } from '../../../gateway/authn/authenticator.ts'
import { createOutcomeCache, DEFAULT_CACHE_LIMITS } from '../../../gateway/authn/outcome-cache.ts'
import { settingsOf } from './core-stand-in.ts'

function proofOf(digest: string, more: Partial<Proof> = {}): Proof {
  const app = more.app ?? 'shop'
  return {
    kind: 'client',
    app,
    settings: settingsOf(app),
    userId: 'ada',
    credentialId: digest,
    expiresAtMs: undefined,
    cachedUntilMs: 0,
    signature: undefined,
    ...more,
  }
}

function setUp(limits: Partial<typeof DEFAULT_CACHE_LIMITS> = {}) {
  const clock = { nowMs: 1_000_000 }
  const cache = createOutcomeCache(() => clock.nowMs, { ...DEFAULT_CACHE_LIMITS, ...limits })
  return { clock, cache }
}

t.test('a proof is the same object on every hit', async (t) => {
  const { cache } = setUp()
  const proof = proofOf('a')
  cache.putProof(proof)
  t.equal(cache.get('a'), proof)
  t.equal(cache.get('a'), proof)
  t.equal(cache.get('b'), undefined)
})

t.test('a proof ends with its credential, and never lives longer than its time', async (t) => {
  const { cache, clock } = setUp()
  cache.putProof(proofOf('short', { expiresAtMs: clock.nowMs + 5_000 }))
  cache.putProof(proofOf('long'))
  clock.nowMs += 4_999
  t.ok(cache.get('short'))
  clock.nowMs += 1
  t.equal(cache.get('short'), undefined)
  t.ok(cache.get('long'))
  clock.nowMs += DEFAULT_CACHE_LIMITS.proofTtlMs
  t.equal(cache.get('long'), undefined)
  t.equal(cache.proofCount(), 0)
})

t.test('a time of day that steps lengthens and shortens nothing but what has a date', async (t) => {
  const wall = { nowMs: 1_800_000_000_000 }
  const steady = { nowMs: 0 }
  const cache = createOutcomeCache(
    () => wall.nowMs,
    DEFAULT_CACHE_LIMITS,
    () => steady.nowMs,
  )
  cache.putProof(proofOf('dated', { expiresAtMs: wall.nowMs + 60_000 }))
  cache.putProof(proofOf('undated'))
  cache.putRefusal('refused')
  wall.nowMs += 86_400_000
  t.equal(cache.get('dated'), undefined)
  t.ok(cache.get('undated'))
  t.equal(cache.get('refused'), null)
  wall.nowMs -= 2 * 86_400_000
  steady.nowMs += DEFAULT_CACHE_LIMITS.proofTtlMs
  t.equal(cache.get('undated'), undefined)
  t.equal(cache.get('refused'), undefined)
})

t.test('a refusal is short-lived', async (t) => {
  const { cache, clock } = setUp()
  cache.putRefusal('x')
  t.equal(cache.get('x'), null)
  clock.nowMs += DEFAULT_CACHE_LIMITS.refusalTtlMs
  t.equal(cache.get('x'), undefined)
  t.equal(cache.refusalCount(), 0)
})

t.test('a flood of bad credentials does not push a good one out', async (t) => {
  const { cache } = setUp({ maxProofs: 10, maxRefusals: 10 })
  cache.putProof(proofOf('good'))
  for (let i = 0; i < 1_000; i++) cache.putRefusal(`bad ${i}`)
  t.ok(cache.get('good'))
  t.equal(cache.refusalCount(), 10)
})

t.test('the least recently used proof goes first, and its user is forgotten with it', async (t) => {
  const { cache } = setUp({ maxProofs: 2 })
  cache.putProof(proofOf('a', { userId: 'u1' }))
  cache.putProof(proofOf('b', { userId: 'u2' }))
  cache.get('a')
  cache.putProof(proofOf('c', { userId: 'u3' }))
  t.equal(cache.get('b'), undefined)
  t.ok(cache.get('a'))
  cache.evictUser('shop', 'u2')
  t.equal(cache.proofCount(), 2)
})

t.test('a new outcome takes the place of the opposite one', async (t) => {
  const { cache } = setUp()
  cache.putRefusal('a')
  cache.putProof(proofOf('a'))
  t.ok(cache.get('a'))
  cache.putRefusal('a')
  t.equal(cache.get('a'), null)
  t.equal(cache.proofCount(), 0)
})

t.test('refusals that no longer hold are not kept', async (t) => {
  const { cache, clock } = setUp()
  for (let n = 0; n < 1_000; n++) cache.putRefusal(`nobody-${n}`)
  t.equal(cache.refusalCount(), 1_000)
  clock.nowMs += DEFAULT_CACHE_LIMITS.refusalTtlMs
  cache.putRefusal('another')
  t.equal(cache.refusalCount(), 1)
})

t.test('evicting a credential forgets proof and refusal', async (t) => {
  const { cache } = setUp()
  cache.putProof(proofOf('a'))
  cache.putRefusal('b')
  cache.evictCredential('a')
  cache.evictCredential('b')
  t.equal(cache.get('a'), undefined)
  t.equal(cache.get('b'), undefined)
})

t.test('evicting a user takes all its tokens, in its own app only', async (t) => {
  const { cache } = setUp()
  for (const digest of ['a', 'b', 'c']) cache.putProof(proofOf(digest))
  cache.evictCredential('c')
  cache.putProof(proofOf('bob', { userId: 'bob' }))
  cache.putProof(proofOf('other app', { app: 'bank' }))
  cache.evictUser('shop', 'ada')
  t.equal(cache.get('a'), undefined)
  t.equal(cache.get('b'), undefined)
  t.ok(cache.get('bob'))
  t.ok(cache.get('other app'))
  cache.putProof(proofOf('a'))
  cache.evictUser('shop', 'ada')
  t.equal(cache.get('a'), undefined, 'again, after it came back')
})

t.test('evicting an app takes its entries, every refusal, and the only app', async (t) => {
  const { cache } = setUp()
  const only = credentialDigest('default-app', '', '')
  cache.putProof(proofOf('a'))
  cache.putProof(proofOf('key', { kind: 'client-key', userId: undefined }))
  cache.putProof(proofOf('other', { app: 'bank' }))
  cache.putProof(proofOf(only, { kind: 'client-key', app: 'bank', userId: undefined }))
  cache.putRefusal('x')
  cache.evictApp('shop')
  t.same(
    ['a', 'key', 'x', only].map((digest) => cache.get(digest)),
    [undefined, undefined, undefined, undefined],
  )
  t.ok(cache.get('other'))
})

t.test('a flush leaves nothing', async (t) => {
  const { cache } = setUp()
  cache.putProof(proofOf('a'))
  cache.putRefusal('b')
  cache.flush()
  t.same([cache.proofCount(), cache.refusalCount()], [0, 0])
  cache.evictUser('shop', 'ada')
})
