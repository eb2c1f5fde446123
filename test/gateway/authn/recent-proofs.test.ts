import t from 'tap'
import type { Proof } from '../../../gateway/authn/authenticator.ts'
import { createOutcomeCache, DEFAULT_CACHE_LIMITS } from '../../../gateway/authn/outcome-cache.ts'
import { createRecentProofs } from '../../../gateway/authn/recent-proofs.ts'

const proofOf = (credentialId: string, more: Partial<Proof> = {}): Proof => ({
  kind: 'client',
  app: 'demo',
  settings: { app: 'demo', origins: ['*'], allowPlatformKeyFromBrowser: false, platformSources: [] },
  userId: 'ada',
  credentialId,
  expiresAtMs: undefined,
  cachedUntilMs: 0,
  signature: undefined,
  ...more,
})

function start(limits = {}) {
  const clock = { nowMs: 1_000 }
  const cache = createOutcomeCache(() => clock.nowMs, { ...DEFAULT_CACHE_LIMITS, ...limits })
  const recent = createRecentProofs({ cache, clock: () => clock.nowMs })
  const know = (secret: string, proof = proofOf(secret)): Proof => {
    cache.putProof(proof)
    // The first look is what begins the time.
    recent.find('client-token', 'demo', secret)
    recent.add(secret, proof)
    return proof
  }
  return { clock, cache, recent, know }
}

t.test('a proof is found by its credential, of its kind and in its app', async (t) => {
  const { recent, know } = start()
  const token = know('token')
  const key = know('key', proofOf('key', { kind: 'platform', userId: undefined }))
  t.equal(recent.find('client-token', 'demo', 'token'), token)
  t.equal(recent.find('platform-key', undefined, 'key'), key)
  for (const [kind, app, secret] of [
    ['client-token', 'other', 'token'],
    ['client-token', 'demo', 'Token'],
    ['client-token', 'demo', 'key'],
    ['client-key', undefined, 'token'],
    ['platform-key', undefined, 'token'],
    ['default-app', undefined, 'token'],
  ] as const)
    t.equal(recent.find(kind, app, secret), undefined, `${kind} ${app} ${secret}`)
})

t.test('what the cache would not give again is not given', async (t) => {
  const ways: Record<string, (stand: ReturnType<typeof start>) => void> = {
    'its credential changed': ({ cache }) => cache.evictCredential('token'),
    'its user changed': ({ cache }) => cache.evictUser('demo', 'ada'),
    'its app changed': ({ cache }) => cache.evictApp('demo'),
    'all is forgotten': ({ cache }) => cache.flush(),
    'it was refused since': ({ cache }) => cache.putRefusal('token'),
    'another proof took its place': ({ cache }) => cache.putProof(proofOf('token')),
    'it was pushed out': ({ cache }) => {
      for (let i = 0; i < 2; i++) cache.putProof(proofOf(`${i}`))
    },
    'it has expired': ({ clock }) => {
      clock.nowMs = 2_000
    },
    'it is too old': ({ clock }) => {
      clock.nowMs += 4_000
    },
  }
  for (const [why, happens] of Object.entries(ways)) {
    const stand = start({ maxProofs: 2, proofTtlMs: 4_000 })
    const proof = stand.know(
      'token',
      proofOf('token', { expiresAtMs: why.includes('expired') ? 2_000 : undefined }),
    )
    t.equal(stand.recent.find('client-token', 'demo', 'token'), proof)
    happens(stand)
    t.equal(stand.recent.find('client-token', 'demo', 'token'), undefined, why)
  }
})

t.test('so often all that is in use passes the cache, and there are only so many', async (t) => {
  const { clock, recent, know } = start()
  know('token')
  clock.nowMs += 10_001
  t.equal(recent.find('client-token', 'demo', 'token'), undefined)
  const proof = know('token')
  let others = 0
  const addOthers = () => {
    for (let i = 0; i < 24_999; i++) recent.add(`other-${others++}`, proof)
  }
  addOthers()
  t.equal(recent.find('client-token', 'demo', 'token'), proof)
  addOthers()
  addOthers()
  addOthers()
  t.equal(recent.find('client-token', 'demo', 'token'), undefined)
})
