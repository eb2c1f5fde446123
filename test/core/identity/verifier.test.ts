import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Identity } from '#contract/identity.ts'
import { IDENTITY_LIFETIME_MS, MAX_SKEW_MS, signIdentity, signingKey } from '#contract/signature.ts'
import { createIdentityVerifier } from '../../../core/identity/verifier.ts'

const KEYS = [signingKey('k1', randomBytes(32))]
const START_MS = 1_800_000_000_000

const ANN: Identity = {
  kind: 'client',
  app: 'one',
  userId: 'ann',
  deviceId: undefined,
  credentialId: 'c'.repeat(43),
  expiresAtMs: undefined,
}

function setUp(keys = KEYS) {
  const time = { nowMs: START_MS }
  return { time, ...createIdentityVerifier(keys, () => time.nowMs) }
}

t.test('a signed identity is believed, the second time as the first', async (t) => {
  const { verify } = setUp()
  const text = signIdentity(ANN, KEYS, START_MS)
  t.strictSame(verify(text), { identity: ANN })
  t.equal(verify(text), verify(text), 'from memory')
})

t.test('what was believed goes stale with its signature', async (t) => {
  const { verify, time } = setUp()
  const text = signIdentity(ANN, KEYS, START_MS)
  verify(text)
  time.nowMs += IDENTITY_LIFETIME_MS + MAX_SKEW_MS
  t.strictSame(verify(text), { identity: ANN })
  time.nowMs += 1
  t.strictSame(verify(text), { refused: 'stale' })
})

t.test('what is stale is not kept', async (t) => {
  const { verify, time, rememberedCount } = setUp()
  for (let n = 0; n < 10; n++) {
    verify(signIdentity({ ...ANN, userId: `user-${n}` }, KEYS, time.nowMs))
    time.nowMs += 20_000
  }
  t.equal(rememberedCount(), 4, 'those of the last lifetime and skew')
})

t.test('what was believed goes stale with its credential, though the signature stands', async (t) => {
  const { verify, time } = setUp()
  const text = signIdentity({ ...ANN, expiresAtMs: START_MS + 1_000 }, KEYS, START_MS)
  t.match(verify(text), { identity: { userId: 'ann' } })
  time.nowMs += 1_000 + MAX_SKEW_MS + 1
  t.strictSame(verify(text), { refused: 'stale' })
  t.strictSame(setUp().verify(signIdentity({ ...ANN, expiresAtMs: START_MS - 60_000 }, KEYS, START_MS)), {
    refused: 'stale',
  })
})

t.test('a changed text is not taken for the one that was believed', async (t) => {
  const { verify } = setUp()
  const text = signIdentity(ANN, KEYS, START_MS)
  verify(text)
  const forged = signIdentity({ ...ANN, userId: 'ben' }, [signingKey('k1', randomBytes(32))], START_MS)
  t.strictSame(verify(forged), { refused: 'forged' })
  const [version, keyId, , mac] = text.split('.')
  t.strictSame(verify(`${version}.${keyId}.${forged.split('.')[2]}.${mac}`), { refused: 'forged' })
  t.strictSame(verify(`${text} `), { refused: 'forged' })
})

t.test('only text is looked at', async (t) => {
  const { verify } = setUp()
  for (const value of [undefined, null, 7, {}, [signIdentity(ANN, KEYS, START_MS)], ''])
    t.strictSame(verify(value), { refused: 'malformed' })
})

t.test('a user id of any characters and length is carried', async (t) => {
  const { verify } = setUp()
  const userId = '日本\r\n"\u0000'.repeat(100)
  const text = signIdentity({ ...ANN, userId }, KEYS, START_MS)
  t.match(verify(text), { identity: { userId } })
  t.match(verify(text), { identity: { userId } })
})

t.test(
  'after the keys change, what a key that is gone has signed is refused, remembered or not',
  async (t) => {
    const next = [signingKey('k2', randomBytes(32))]
    const { verify, setKeys } = setUp()
    const text = signIdentity(ANN, KEYS, START_MS)
    t.strictSame(verify(text), { identity: ANN })
    setKeys([...next, ...KEYS])
    t.strictSame(verify(text), { identity: ANN })
    setKeys(next)
    t.strictSame(verify(text), { refused: 'unknown-key' })
  },
)
