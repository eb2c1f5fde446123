import t from 'tap'
import type { Proof } from '../../../gateway/authn/authenticator.ts'
import { type Answer, createChangeLedger } from '../../../gateway/authn/change-ledger.ts'
import { createOutcomeCache } from '../../../gateway/authn/outcome-cache.ts'
import { settingsOf } from './core-stand-in.ts'

const setUp = (maxSubjects?: number) =>
  createChangeLedger(
    createOutcomeCache(() => 0),
    maxSubjects,
  )

const proof: Proof = {
  kind: 'client',
  app: 'shop',
  settings: settingsOf('shop'),
  userId: 'ada',
  credentialId: 'd',
  expiresAtMs: undefined,
  cachedUntilMs: 0,
  signature: undefined,
}
const answerAt = (position: number, more: Partial<Answer> = {}): Answer => ({
  kind: 'client-token',
  digest: 'd',
  app: 'shop',
  proof,
  position,
  generation: 1,
  ...more,
})

t.test('before the feed is followed no answer can be cached', async (t) => {
  t.equal(setUp().judge(answerAt(1_000_000, { generation: 0 })), 'unsure')
})

t.test('an answer from before the start is outdated, one from the start on is current', async (t) => {
  const ledger = setUp()
  ledger.reset(10)
  t.equal(ledger.judge(answerAt(9)), 'outdated')
  t.equal(ledger.judge(answerAt(10)), 'current')
  t.equal(ledger.judge(answerAt(11)), 'current', 'ahead of the feed')
})

t.test('an answer older than a change of its credential is outdated', async (t) => {
  const ledger = setUp()
  ledger.reset(10)
  ledger.apply({ position: 11, app: 'shop', subject: 'credential', effect: 'revoked', credentialId: 'd' })
  t.equal(ledger.judge(answerAt(10)), 'outdated')
  t.equal(ledger.judge(answerAt(10, { proof: undefined })), 'outdated')
  t.equal(ledger.judge(answerAt(11)), 'current')
  t.equal(ledger.judge(answerAt(10, { digest: 'another' })), 'current')
})

t.test('an answer older than the end of its user is outdated', async (t) => {
  const ledger = setUp()
  ledger.reset(10)
  ledger.apply({ position: 11, app: 'shop', subject: 'user', effect: 'revoked', userId: 'ada' })
  t.equal(ledger.judge(answerAt(10)), 'outdated')
  t.equal(ledger.judge(answerAt(10, { proof: { ...proof, userId: 'bob' } })), 'current')
  t.equal(ledger.judge(answerAt(10, { app: 'bank', proof: { ...proof, app: 'bank' } })), 'current')
})

t.test('an answer older than a change of its app is outdated', async (t) => {
  const ledger = setUp()
  ledger.reset(10)
  ledger.apply({ position: 11, app: 'shop', subject: 'app', effect: 'changed' })
  t.equal(ledger.judge(answerAt(10)), 'outdated')
  t.equal(ledger.judge(answerAt(10, { proof: undefined })), 'outdated', 'a refused token of the app')
  t.equal(ledger.judge(answerAt(10, { app: 'bank', proof: { ...proof, app: 'bank' } })), 'current')
})

t.test('a refused key, and the only app, are outdated by a change of any app', async (t) => {
  const ledger = setUp()
  ledger.reset(10)
  ledger.apply({ position: 11, app: 'bank', subject: 'app', effect: 'changed' })
  const key = { kind: 'client-key', app: undefined } as const
  t.equal(ledger.judge(answerAt(10, { ...key, proof: undefined })), 'outdated')
  t.equal(ledger.judge(answerAt(10, key)), 'current', 'a good key of another app')
  t.equal(ledger.judge(answerAt(10, { kind: 'default-app', app: undefined })), 'outdated')
})

t.test('a reset begins a new generation and forgets what was before', async (t) => {
  const ledger = setUp()
  ledger.reset(10)
  ledger.apply({ position: 11, app: 'shop', subject: 'credential', effect: 'revoked', credentialId: 'd' })
  t.equal(ledger.generation(), 1)
  ledger.reset(5)
  t.equal(ledger.generation(), 2)
  t.equal(ledger.judge(answerAt(5, { generation: 2 })), 'current')
  t.equal(ledger.judge(answerAt(20)), 'outdated', 'of a history that is no more')
})

t.test('what it had to forget makes older answers outdated, never current', async (t) => {
  const ledger = setUp(2)
  ledger.reset(0)
  for (const [i, credentialId] of ['d', 'e', 'f'].entries())
    ledger.apply({ position: i + 1, app: 'shop', subject: 'credential', effect: 'revoked', credentialId })
  t.equal(ledger.judge(answerAt(0)), 'outdated')
  t.equal(ledger.judge(answerAt(1)), 'current')
  t.equal(ledger.judge(answerAt(1, { digest: 'e' })), 'outdated')
})
