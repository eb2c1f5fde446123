/**
 * A comparison that ends at the first difference tells how much of a secret was right. Here nothing compares secrets:
 * they are looked up by digest, of which a caller controls no prefix, and what is compared (the identity's signature)
 * is compared in constant time. Precedents: Traefik CVE-2026-41263 and -88010.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { signIdentity, signingKey, verifyIdentity } from '#contract/signature.ts'
import { startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

t.test('the store is asked by digest and nothing else; the secret never leaves the gateway', async (t) => {
  const gateway = await startGateway(t)
  for (const fields of [
    ['IM-Client-Key: demo_clientkey', 'IM-Authorization: ada-token'],
    ['IM-Client-Key: demo_clientkey', 'IM-Authorization: ada-tokeX'],
    ['IM-API-KEY: demo_apikey'],
    ['IM-API-KEY: demo_apikeX'],
  ])
    await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))
  const asked = gateway.core.introspections
  t.ok(asked.length >= 5)
  for (const request of asked) {
    t.strictSame(Object.keys(request).sort(), ['digest', 'kind'])
    t.match(request.digest, /^[A-Za-z0-9_-]{43}$/)
  }
  t.notMatch(JSON.stringify(asked), /ada-toke|demo_/)
  t.ok(asked.some(({ digest }) => digest === credentialDigest('client-token', 'demo', 'ada-token')))
})

t.test('digests of neighbours share no beginning', async (t) => {
  let longest = 0
  for (let i = 0; i < 2_000; i++) {
    const [one, other] = [i, i + 1].map((n) => credentialDigest('client-token', 'demo', `token-${n}`))
    let shared = 0
    while (one![shared] === other![shared]) shared++
    longest = Math.max(longest, shared)
  }
  t.ok(longest < 5, `${longest}`)
})

t.test('a signature is compared in constant time, whole', async (t) => {
  const keys = [signingKey('k', Buffer.alloc(32, 1))]
  const signed = signIdentity({ kind: 'anonymous', app: 'demo' }, keys, 1_000)
  const compared: [number, number][] = []
  const { timingSafeEqual } = crypto
  crypto.timingSafeEqual = (one, other) => {
    compared.push([one.byteLength, other.byteLength])
    return timingSafeEqual(one, other)
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    crypto.timingSafeEqual = timingSafeEqual
    syncBuiltinESMExports()
  })
  t.ok('identity' in verifyIdentity(signed, keys, 1_000))
  const wrong = signed.slice(0, -1) + (signed.endsWith('A') ? 'B' : 'A')
  t.same(verifyIdentity(wrong, keys, 1_000), { refused: 'forged' })
  t.same(
    verifyIdentity(signed.slice(0, -5), keys, 1_000),
    { refused: 'forged' },
    'another length is not compared',
  )
  t.same(compared, [
    [43, 43],
    [43, 43],
  ])
})
