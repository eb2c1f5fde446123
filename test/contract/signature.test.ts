import t from 'tap'
import type { Identity } from '#contract/identity.ts'
import {
  IDENTITY_LIFETIME_MS,
  MAX_SKEW_MS,
  parseSigningKeys,
  signIdentity,
  verifyIdentity,
} from '#contract/signature.ts'

const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64url')
const keys = parseSigningKeys(`a:${secret(1)}`)
const now = 1_800_000_000_000

const client: Identity = {
  kind: 'client',
  app: 'demo',
  userId: '用户\r\nX: y',
  deviceId: 'phone',
  credentialId: 'digest',
  expiresAtMs: now + 5,
}

t.test('what was signed is verified, whatever the ids hold, and is ASCII', async (t) => {
  const all: Identity[] = [
    client,
    {
      kind: 'platform',
      app: 'demo',
      userId: undefined,
      deviceId: undefined,
      credentialId: 'd',
      expiresAtMs: undefined,
    },
    { kind: 'anonymous', app: undefined },
    { kind: 'anonymous', app: 'demo' },
  ]
  for (const identity of all) {
    const text = signIdentity(identity, keys, now)
    t.match(text, /^[A-Za-z0-9._-]+$/)
    t.same(verifyIdentity(text, keys, now), { identity })
  }
})

t.test('a stale identity and one from the future are refused', async (t) => {
  const text = signIdentity(client, keys, now)
  t.ok('identity' in verifyIdentity(text, keys, now + IDENTITY_LIFETIME_MS + MAX_SKEW_MS))
  t.same(verifyIdentity(text, keys, now + IDENTITY_LIFETIME_MS + MAX_SKEW_MS + 1), { refused: 'stale' })
  t.same(verifyIdentity(text, keys, now - MAX_SKEW_MS - 1), { refused: 'stale' })
})

t.test('every changed character is refused', async (t) => {
  const text = signIdentity(client, keys, now)
  for (let i = 0; i < text.length; i++) {
    const changed = text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1)
    if (!('refused' in verifyIdentity(changed, keys, now))) t.fail(`accepted a change at ${i}`)
  }
  t.same(verifyIdentity(`${text}A`, keys, now), { refused: 'forged' })
})

t.test('garbage of any type is a value, never a throw', async (t) => {
  for (const value of [
    undefined,
    null,
    1,
    {},
    [],
    '',
    '.',
    '...',
    'v1.a.b',
    'v1.a.e30.',
    `v1.a.${'x'.repeat(9_000)}.y`,
  ])
    t.ok('refused' in verifyIdentity(value, keys, now))
})

t.test('a key rotates without a pause: old and new verify, the first signs', async (t) => {
  const both = parseSigningKeys(`b:${secret(2)},a:${secret(1)}`)
  t.ok('identity' in verifyIdentity(signIdentity(client, keys, now), both, now))
  const text = signIdentity(client, both, now)
  t.match(text, /^v1\.b\./)
  t.same(verifyIdentity(text, keys, now), { refused: 'unknown-key' })
})

t.test('weak, doubled and malformed keys are refused without quoting them', async (t) => {
  for (const text of [
    '',
    'a',
    'a:short',
    `a:${secret(1)},a:${secret(2)}`,
    `:${secret(1)}`,
    `a b:${secret(1)}`,
  ])
    t.throws(() => parseSigningKeys(text), { message: /^(?!.*short)/ })
})
