import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { parseCredentialChanges, parseIntrospection } from '../../../gateway/authn/internal-answers.ts'
import { settingsOf } from './core-stand-in.ts'

const settings = settingsOf('shop')
const token = { kind: 'client-token', app: 'shop', userId: 'ada', expiresAtMs: 5 }
const key = { kind: 'client-key', app: 'shop', settings }

t.test('well-formed answers are taken as they are', async (t) => {
  t.same(parseIntrospection({ active: false, position: 0 }, 'client-token'), { active: false, position: 0 })
  t.same(parseIntrospection({ active: true, position: 3, grant: token }, 'client-token'), {
    active: true,
    position: 3,
    grant: token,
  })
  t.same(parseIntrospection({ active: true, position: 3, grant: key }, 'client-key'), {
    active: true,
    position: 3,
    grant: { ...key, expiresAtMs: undefined },
  })
})

t.test('what a newer core adds is ignored', async (t) => {
  const answer = parseIntrospection(
    { active: true, position: 3, more: 1, grant: { ...token, more: 1 } },
    'client-token',
  )
  t.same(answer, { active: true, position: 3, grant: token })
})

t.test('anything else throws', async (t) => {
  const active = (grant: unknown) => ({ active: true, position: 3, grant })
  const malformed: [string, unknown, 'client-token' | 'client-key' | 'platform-key' | 'default-app'][] = [
    ['null', null, 'client-token'],
    ['a list', [], 'client-token'],
    ['a text', 'active', 'client-token'],
    ['no position', { active: false }, 'client-token'],
    ['a position that is a text', { active: false, position: '3' }, 'client-token'],
    ['a negative position', { active: false, position: -1 }, 'client-token'],
    ['no verdict', { position: 3 }, 'client-token'],
    ['a verdict in words', { active: 'false', position: 3 }, 'client-token'],
    ['active without a grant', { active: true, position: 3 }, 'client-token'],
    ['a grant of another kind', active(token), 'platform-key'],
    ['a key for a token', active(key), 'client-token'],
    ['a client key for the only app', active(key), 'default-app'],
    ['no user', active({ ...token, userId: undefined }), 'client-token'],
    ['an empty user', active({ ...token, userId: '' }), 'client-token'],
    ['an endless user', active({ ...token, userId: 'u'.repeat(2_000) }), 'client-token'],
    ['a user of another type', active({ ...token, userId: 7 }), 'client-token'],
    ['an app that is no app id', active({ ...token, app: 'a b' }), 'client-token'],
    ['an expiry that is a date', active({ ...token, expiresAtMs: '2026-01-01' }), 'client-token'],
    ['an expiry of null', active({ ...token, expiresAtMs: null }), 'client-token'],
    ['no settings', active({ ...key, settings: undefined }), 'client-key'],
    ['settings of another app', active({ ...key, settings: settingsOf('bank') }), 'client-key'],
    ['origins that are no list', active({ ...key, settings: { ...settings, origins: '*' } }), 'client-key'],
    ['an origin of another type', active({ ...key, settings: { ...settings, origins: [1] } }), 'client-key'],
    [
      'a permission in words',
      active({ ...key, settings: { ...settings, allowPlatformKeyFromBrowser: 'no' } }),
      'client-key',
    ],
  ]
  for (const [name, value, kind] of malformed)
    t.throws(() => parseIntrospection(value, kind), /malformed/, name)
})

t.test('credential changes are read whole or not at all', async (t) => {
  const credentialId = credentialDigest('client-token', 'shop', 'secret')
  const changes = [
    { position: 1, app: 'shop', subject: 'credential', effect: 'granted', credentialId, expiresAtMs: 1 },
    { position: 2, app: 'shop', subject: 'credential', effect: 'revoked', credentialId },
    { position: 3, app: 'shop', subject: 'user', effect: 'revoked', userId: 'ada' },
    { position: 4, app: 'shop', subject: 'app', effect: 'changed' },
    { position: 5, app: 'shop', subject: 'credential', effect: 'granted', credentialId, expiresAtMs: null },
    { position: 6, app: 'shop', subject: 'credential', effect: 'granted', credentialId },
  ]
  const answer = { position: 6, changes, reset: false }
  t.same(parseCredentialChanges(answer), answer)
  const malformed: [string, unknown][] = [
    ['no list', { position: 4, reset: false }],
    ['no reset', { position: 4, changes }],
    ['no position', { changes, reset: false }],
    ['a null among them', { ...answer, changes: [null] }],
    ['an unknown subject', { ...answer, changes: [{ position: 1, app: 'shop', subject: 'room' }] }],
    ['an unknown effect', { ...answer, changes: [{ ...changes[0], effect: 'rotated' }] }],
    ['no digest', { ...answer, changes: [{ ...changes[0], credentialId: 'secret' }] }],
    ['an end that is no time', { ...answer, changes: [{ ...changes[0], expiresAtMs: '1' }] }],
    ['no user', { ...answer, changes: [{ ...changes[2], userId: undefined }] }],
    ['no app', { ...answer, changes: [{ ...changes[3], app: undefined }] }],
  ]
  for (const [name, value] of malformed) t.throws(() => parseCredentialChanges(value), /malformed/, name)
})
