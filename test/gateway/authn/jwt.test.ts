import type { JWTPayload } from 'jose'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import type { JwtKeys } from '#contract/internal.ts'
import { answerByToken, answerJson, startAuthService } from './auth-service.ts'
import { BANK_KEY, startForeignAuthn, unavailable } from './foreign-authn.ts'
import { createSigner, SECRET, signHs256, startIssuer } from './jwt-issuer.ts'

const shared: JwtKeys = { algorithm: 'HS256', secret: SECRET }
const IN_AN_HOUR = Math.floor(Date.now() / 1_000) + 3_600
const secondsOf = ({ clock }: { clock: { nowMs: number } }) => Math.floor(clock.nowMs / 1_000)

t.test('a token that the app’s secret signed proves its user, without a question to anybody', async (t) => {
  const s = await startForeignAuthn(t, { jwt: shared })
  const iat = secondsOf(s)
  const token = await signHs256({ id: 'ada', nickname: 'Ada', iat, exp: iat + 60 })
  t.match(await s.authenticate(token), {
    proof: {
      kind: 'client',
      app: 'shop',
      userId: 'ada',
      credentialId: credentialDigest('client-token', 'shop', token),
      expiresAtMs: (iat + 65) * 1_000,
    },
  })
  t.strictSame(s.store.provisioned, [
    { app: 'shop', userId: 'ada', nickname: 'Ada', issuedAtMs: iat * 1_000 },
  ])
  t.equal(await s.whoIs(token), 'user ada')
  t.equal(s.store.provisioned.length, 1, 'once a token, not once a request')
  t.equal(s.count('jwt-verified'), 1)
})

t.test(
  'the user is named by the claim that clients read: id, else _id, else sub; or by the app’s own',
  async (t) => {
    const s = await startForeignAuthn(t, { jwt: shared })
    const exp = IN_AN_HOUR
    for (const [claims, who] of [
      [{ id: 'a', _id: 'b', sub: 'c' }, 'user a'],
      [{ _id: 'b', sub: 'c' }, 'user b'],
      [{ sub: 'c' }, 'user c'],
      [{ id: 42 }, 'user 42'],
      [{ id: '', sub: 'c' }, 'INVALID_TOKEN'],
      [{ id: ['a'] }, 'INVALID_TOKEN'],
      [{ uid: 'u' }, 'INVALID_TOKEN'],
      [{ id: 'x'.repeat(257) }, 'INVALID_TOKEN'],
    ] as const)
      t.equal(await s.whoIs(await signHs256({ ...claims, exp } as JWTPayload)), who, JSON.stringify(claims))

    s.store.changeSettings('shop', { authentication: { jwt: { ...shared, userIdClaim: 'uid' } } })
    await s.follow()
    t.equal(await s.whoIs(await signHs256({ uid: 'u', id: 'a', exp })), 'user u')
    t.equal(await s.whoIs(await signHs256({ id: 'b', exp })), 'INVALID_TOKEN')
    s.store.changeSettings('shop', { authentication: { jwt: { ...shared, userIdClaim: 'constructor' } } })
    await s.follow()
    t.equal(await s.whoIs(await signHs256({ id: 'c', exp })), 'INVALID_TOKEN', 'a claim is never inherited')
  },
)

t.test('times hold with five seconds of skew; what is cached ends with the token', async (t) => {
  const s = await startForeignAuthn(t, { jwt: shared })
  const now = secondsOf(s)
  t.equal(await s.whoIs(await signHs256({ id: 'a', exp: now - 4 })), 'user a')
  t.equal(await s.whoIs(await signHs256({ id: 'b', exp: now - 6 })), 'INVALID_TOKEN')
  t.equal(await s.whoIs(await signHs256({ id: 'c', exp: now + 60, nbf: now + 4 })), 'user c')
  t.equal(await s.whoIs(await signHs256({ id: 'd', exp: now + 60, nbf: now + 20 })), 'INVALID_TOKEN')
  const token = await signHs256({ id: 'e', exp: now + 10 })
  t.equal(await s.whoIs(token), 'user e')
  s.clock.nowMs += 15_000
  t.equal(await s.whoIs(token), 'INVALID_TOKEN')
})

t.test('issuer and audience are the app’s, where it names them', async (t) => {
  const jwt = { ...shared, issuer: 'https://shop.example', audience: 'chat' }
  const s = await startForeignAuthn(t, { jwt })
  const good = { id: 'a', exp: IN_AN_HOUR, iss: jwt.issuer, aud: ['other', 'chat'] }
  t.equal(await s.whoIs(await signHs256(good)), 'user a')
  for (const wrong of [
    { iss: 'https://evil.example' },
    { aud: 'other' },
    { iss: undefined },
    { aud: undefined },
  ])
    t.equal(
      await s.whoIs(await signHs256({ ...good, ...wrong } as JWTPayload)),
      'INVALID_TOKEN',
      JSON.stringify(wrong),
    )
})

t.test('keys of a published set verify by their id, fetched once', async (t) => {
  const [a, b] = await Promise.all([createSigner('a'), createSigner('b', 'RS256')])
  const ed = await createSigner('ed', 'EdDSA')
  const issuer = await startIssuer(t, a.jwk, b.jwk, ed.jwk)
  const jwt: JwtKeys = { jwksUrl: `${issuer.url}/jwks`, algorithms: ['ES256', 'RS256', 'EdDSA'] }
  const s = await startForeignAuthn(t, { jwt })
  const tokens = await Promise.all(
    [a, b, ed].map((signer, i) => signer.sign({ id: `u${i}`, exp: IN_AN_HOUR })),
  )
  t.strictSame(await Promise.all(tokens.map((token) => s.whoIs(token))), ['user u0', 'user u1', 'user u2'])
  t.equal(issuer.requests.length, 1)
  t.match(issuer.requests, [{ method: 'GET', url: '/jwks' }])
})

t.test('a key that is rotated in is fetched when first seen, one that is rotated out ends', async (t) => {
  const [old, next] = await Promise.all([createSigner('old'), createSigner('next')])
  const issuer = await startIssuer(t, old.jwk)
  const s = await startForeignAuthn(t, { jwt: { jwksUrl: issuer.url, algorithms: ['ES256'] } })
  const claims = () => ({ id: 'ada', iat: secondsOf(s), exp: secondsOf(s) + 86_400 })
  t.equal(await s.whoIs(await old.sign(claims())), 'user ada')

  issuer.publish(old.jwk, next.jwk)
  s.clock.nowMs += 10_000
  await t.rejects(s.whoIs(await next.sign(claims())), unavailable, 'too soon to ask again is no refusal')
  s.clock.nowMs += 20_000
  t.equal(await s.whoIs(await next.sign(claims())), 'user ada')
  t.equal(await s.whoIs(await old.sign(claims())), 'user ada')
  t.equal(issuer.requests.length, 2)

  issuer.publish(next.jwk)
  s.clock.nowMs += 600_001
  t.equal(await s.whoIs(await old.sign(claims())), 'INVALID_TOKEN')
  t.equal(await s.whoIs(await next.sign(claims())), 'user ada')
})

t.test('an issuer that is gone: a set serves for an hour more, then 503', async (t) => {
  const signer = await createSigner('a')
  const issuer = await startIssuer(t, signer.jwk)
  const s = await startForeignAuthn(t, { jwt: { jwksUrl: issuer.url, algorithms: ['ES256'] } })
  const token = async () =>
    signer.sign({ id: 'ada', iat: secondsOf(s), exp: secondsOf(s) + 60, n: Math.random() })
  t.equal(await s.whoIs(await token()), 'user ada')
  await issuer.stop()
  s.clock.nowMs += 3_500_000
  t.equal(await s.whoIs(await token()), 'user ada')
  s.clock.nowMs += 200_000
  const late = await token()
  await t.rejects(s.whoIs(late), unavailable)
  await issuer.restart()
  s.clock.nowMs += 30_000
  t.equal(await s.whoIs(late), 'user ada')
})

t.test('a set that is none, or cannot be had, is 503', async (t) => {
  const signer = await createSigner('a')
  const issuer = await startIssuer(t, signer.jwk)
  const token = await signer.sign({ id: 'ada', exp: IN_AN_HOUR })
  const { use: _, ...jwk } = signer.jwk
  const answers = [
    answerJson({ keys: [signer.jwk] }, 500),
    answerJson({ keys: [signer.jwk] }, 404),
    answerJson([signer.jwk]),
    answerJson({}),
    answerJson({ keys: 'a' }),
    answerJson({ keys: Array.from({ length: 51 }, () => signer.jwk) }),
    answerJson({ keys: [{ ...jwk, x: 'AA', y: 'AA' }] }),
  ]
  for (const answer of answers) {
    issuer.respond = answer
    const s = await startForeignAuthn(t, { jwt: { jwksUrl: issuer.url, algorithms: ['ES256'] } })
    await t.rejects(s.whoIs(token), unavailable)
  }
})

t.test('what is no JWT of the app’s kind is asked of its auth service, where it has one too', async (t) => {
  const service = await startAuthService(t, answerByToken)
  const external = { url: service.url, timeoutMs: 1_000, cacheMs: 60_000, isDeployments: false }
  const s = await startForeignAuthn(t, { jwt: shared, external })
  t.equal(await s.whoIs('token-of-bob'), 'user bob')
  t.equal(await s.whoIs(await signHs256({ id: 'ada', exp: IN_AN_HOUR })), 'user ada')
  t.equal(
    await s.whoIs(await signHs256({ id: 'ada', exp: 1 })),
    'INVALID_TOKEN',
    'a bad one is not asked about',
  )
  t.equal(service.requests.length, 1)
})

t.test('a disabled user is refused, and so is one whose provisioning says no', async (t) => {
  const s = await startForeignAuthn(t, { jwt: shared })
  const token = await signHs256({ id: 'ada', exp: IN_AN_HOUR })
  t.equal(await s.whoIs(token), 'user ada')
  s.store.disable('shop', 'ada')
  await s.follow()
  t.equal(await s.whoIs(token), 'INVALID_TOKEN')
})

t.test('a token without an issue time counts as older than any revocation of its user’s', async (t) => {
  const s = await startForeignAuthn(t, { jwt: shared })
  await s.whoIs(await signHs256({ id: 'ada', exp: IN_AN_HOUR }))
  t.strictSame(s.store.provisioned, [{ app: 'shop', userId: 'ada', issuedAtMs: 0 }])
})

t.test('a secret that is changed ends every token of the old one', async (t) => {
  const s = await startForeignAuthn(t, { jwt: shared })
  const token = await signHs256({ id: 'ada', exp: IN_AN_HOUR })
  t.equal(await s.whoIs(token), 'user ada')
  const secret = 'another secret, long enough for HS256'
  s.store.changeSettings('shop', { authentication: { jwt: { algorithm: 'HS256', secret } } })
  await s.follow()
  t.equal(await s.whoIs(token), 'INVALID_TOKEN')
})

t.test('one app’s tokens are nothing in another, whatever they say of themselves', async (t) => {
  const s = await startForeignAuthn(t, { jwt: shared })
  const token = await signHs256({ id: 'ada', app: 'bank', exp: IN_AN_HOUR })
  t.equal(await s.whoIs(token), 'user ada')
  t.equal(await s.whoIs(token, BANK_KEY), 'INVALID_TOKEN')
  s.store.changeSettings('bank', {
    authentication: { jwt: { algorithm: 'HS256', secret: 'the bank’s own secret, long enough' } },
  })
  await s.follow()
  t.equal(await s.whoIs(token, BANK_KEY), 'INVALID_TOKEN')
})
