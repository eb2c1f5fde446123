import t from 'tap'
import { createRevocations } from '../../../core/realtime/revocations.ts'
import { platform, user } from './identities.ts'

const ann = user('ann', { credentialId: 'token' })
const revoked = {
  position: 1,
  app: 'shop',
  subject: 'credential',
  effect: 'revoked',
  credentialId: 'token',
} as const
const disabled = { position: 1, app: 'shop', subject: 'user', effect: 'revoked', userId: 'ann' } as const

t.test('an identity signed before its credential was revoked is covered', async (t) => {
  const revocations = createRevocations(() => 0)
  t.notOk(revocations.cover(ann))
  revocations.note(revoked)
  t.ok(revocations.cover(ann))
  t.notOk(revocations.cover(user('ann', { credentialId: 'another token' })))
})

t.test('a credential that was granted again stands', async (t) => {
  const revocations = createRevocations(() => 0)
  revocations.note(revoked)
  revocations.note({ ...revoked, position: 2, effect: 'granted' })
  t.notOk(revocations.cover(ann))
})

t.test('a revoked user is covered with every token but those granted later', async (t) => {
  const revocations = createRevocations(() => 0)
  revocations.note(disabled)
  t.ok(revocations.cover(ann))
  t.notOk(revocations.cover(user('ann', { app: 'bank' })))
  t.notOk(revocations.cover(user('bob')))
  t.notOk(revocations.cover(platform('ann')), 'the platform’s key is another credential')
  revocations.note({ ...revoked, position: 2, effect: 'granted' })
  t.notOk(revocations.cover(ann))
})

t.test('an identity signed before its credential was renewed ends with it', async (t) => {
  const revocations = createRevocations(() => 0)
  const granted = { position: 1, app: 'shop', subject: 'credential', effect: 'granted' } as const
  const ann = user('ann', { credentialId: 'c', expiresAtMs: 9_000 })
  t.equal(revocations.renew(ann), ann)
  revocations.note({ ...granted, credentialId: 'c', expiresAtMs: 5_000 })
  t.strictSame(revocations.renew(ann), { ...ann, expiresAtMs: 5_000 })
  revocations.note({ ...granted, position: 2, credentialId: 'c', expiresAtMs: null })
  t.equal(revocations.renew(ann).expiresAtMs, undefined, 'it has no end any more')
  revocations.note({ ...granted, position: 3, credentialId: 'c' })
  t.equal(revocations.renew(ann), ann, 'nothing was said of its end')
})

t.test('revocations are forgotten when no signature can be older', async (t) => {
  let nowMs = 0
  const revocations = createRevocations(() => nowMs)
  revocations.note(revoked)
  nowMs = 65_000
  revocations.forgetOld()
  t.ok(revocations.cover(ann))
  nowMs = 71_000
  revocations.forgetOld()
  t.notOk(revocations.cover(ann))
})
