/**
 * Two credentials that meet in one cache entry are one credential: where the app is left out of the key, where parts
 * are joined so that another split gives the same text, where case or a prefix is lost, or where the hash is weak.
 * Precedents: Oathkeeper CVE-2021-32701, Kong CVE-2026-92442, reply-from GHSA-v574-6498-x57v, CXF CVE-2026-97468.
 */
import fc from 'fast-check'
import t from 'tap'
import { type CredentialKind, credentialDigest } from '#contract/credential.ts'
import { REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import { identityOf, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const KINDS: CredentialKind[] = ['client-token', 'platform-key', 'client-key', 'default-app']
const app = fc.constantFrom('', 'a', 'a-b', 'ab', 'demo')
const secret = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('\0', 'a\0b', '\0a', 'b\0', 'ab', 'client-key\0'),
)
const credential = fc.record({ kind: fc.constantFrom(...KINDS), app, secret })

t.test('no two credentials have one digest, however their parts are split', async (t) => {
  const property = fc.property(credential, credential, (one, other) => {
    const isSame = one.kind === other.kind && one.app === other.app && one.secret === other.secret
    const digests = [one, other].map(({ kind, app, secret }) => credentialDigest(kind, app, secret))
    const keys = [one, other].map(({ kind }, i) => redisCredentialKey(kind, digests[i]!))
    return (digests[0] === digests[1]) === isSame && (keys[0] === keys[1]) === isSame
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000 }))
})

t.test('an entry of a digest cannot be the position’s', async (t) => {
  for (const kind of KINDS) t.not(redisCredentialKey(kind, ''), REDIS_POSITION_KEY)
})

t.test('tokens that look alike to a person, or to a lax reader, are different credentials', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '100000' } })
  const { store, publicUrl, upstream } = gateway
  const alike = [
    'Token',
    'token',
    'TOKEN',
    'toke',
    'tokens',
    'token.',
    'tok%65n',
    'tokén',
    'toke\u0301n',
    'token=',
    'tоken',
  ]
  for (const [i, token] of alike.entries()) if (i % 2 === 0) store.bind('demo', token, `user-${i}`)
  for (const round of ['looked up', 'cached'])
    for (const [i, token] of alike.entries()) {
      const fields = [
        'IM-Client-Key: demo_clientkey',
        `IM-Authorization: ${Buffer.from(token).toString('latin1')}`,
      ]
      const { status } = await sendRaw(publicUrl, requestText('GET /me HTTP/1.1', fields))
      t.equal(status, i % 2 === 0 ? 200 : 401, `${round}: ${token}`)
      if (status === 200) t.match(identityOf(await upstream.next()), { userId: `user-${i}` })
    }
})

t.test('a refusal in one app is none in another, and a proof neither', async (t) => {
  const gateway = await startGateway(t)
  const { store, publicUrl } = gateway
  store.bind('demo', 'shared', 'of-demo')
  const send = (key: string) =>
    sendRaw(publicUrl, requestText('GET /me HTTP/1.1', [`IM-Client-Key: ${key}`, 'IM-Authorization: shared']))
  t.equal((await send('other_clientkey')).status, 401)
  t.equal((await send('demo_clientkey')).status, 200)
  t.equal((await send('other_clientkey')).status, 401)
  store.bind('other', 'shared', 'of-other')
  gateway.core.push()
  for (let left = 100; left > 0 && (await send('other_clientkey')).status !== 200; left--);
  t.match(identityOf(gateway.upstream.requests.at(-1)!), { app: 'other', userId: 'of-other' })
  await send('demo_clientkey')
  t.match(identityOf(gateway.upstream.requests.at(-1)!), { app: 'demo', userId: 'of-demo' })
})

t.test('a credential that is too long is refused without being looked up', async (t) => {
  const gateway = await startGateway(t)
  const fields = (token: string) => ['IM-Client-Key: demo_clientkey', `IM-Authorization: ${token}`]
  const long = 'x'.repeat(4_097)
  t.equal((await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields(long)))).status, 401)
  t.equal(gateway.core.asked('client-token'), 0)
})
