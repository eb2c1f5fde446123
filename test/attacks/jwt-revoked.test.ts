/**
 * A token that verifies is not yet good: its owner may have logged out, its user may be shut out. The signature knows
 * nothing of that, so a gateway that stops at the signature lets a stolen token live to its end.
 */
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import type { JwtKeys } from '#contract/internal.ts'
import { SECRET, signHs256 } from '../gateway/authn/jwt-issuer.ts'
import { identityOf } from '../support/gateway.ts'
import { refused, startForeignGateway } from './foreign-gateway.ts'

const jwt: JwtKeys = { algorithm: 'HS256', secret: SECRET }
const exp = Math.floor(Date.now() / 1_000) + 3_600

t.test('a token that verifies and is revoked is refused', async (t) => {
  const gateway = await startForeignGateway(t, { jwt })
  const { store, core } = gateway
  const follow = () => {
    core.push()
    return new Promise((resolve) => setTimeout(resolve, 50))
  }

  const stolen = await signHs256({ id: 'ada', exp, jti: 'stolen' })
  t.strictSame(await gateway.present(stolen), { status: 200, userId: 'ada' })
  store.revoke('demo', credentialDigest('client-token', 'demo', stolen))
  await follow()
  t.strictSame(await gateway.present(stolen), refused, 'revoked while it was cached')

  const early = await signHs256({ id: 'ada', exp, jti: 'early' })
  store.revoke('demo', credentialDigest('client-token', 'demo', early))
  await follow()
  t.strictSame(await gateway.present(early), refused, 'revoked before it was ever seen')

  const other = await signHs256({ id: 'bob', exp })
  t.strictSame(await gateway.present(other), { status: 200, userId: 'bob' })
  store.disable('demo', 'bob')
  await follow()
  t.strictSame(await gateway.present(other), refused, 'of a user who is disabled')
})

t.test('a row that is another user’s outranks what the token says of itself', async (t) => {
  const gateway = await startForeignGateway(t, { jwt })
  const token = await signHs256({ id: 'root', exp })
  gateway.store.bind('demo', token, 'ada')
  gateway.core.push()
  t.strictSame(await gateway.present(token), { status: 200, userId: 'ada' })
})

t.test('a token of one app, with the key of another, proves nothing', async (t) => {
  const gateway = await startForeignGateway(t, { jwt })
  const token = await signHs256({ id: 'root', exp })
  t.equal((await gateway.send(token, 'other_clientkey')).status, 401)
  t.equal((await gateway.send(token)).status, 200)
  t.match(identityOf(await gateway.upstream.next()), { app: 'demo', userId: 'root' })
  t.equal((await gateway.send(token, 'other_clientkey')).status, 401)
  t.equal(gateway.upstream.requests.length, 1)
})
