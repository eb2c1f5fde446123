/** A token without an end is a password that cannot be changed. Verifiers that check `exp` only where it is there take it. */

import { CompactSign } from 'jose'
import t from 'tap'
import type { JwtKeys } from '#contract/internal.ts'
import { SECRET, secretBytes, signHs256 } from '../gateway/authn/jwt-issuer.ts'
import { refused, startForeignGateway } from './foreign-gateway.ts'

const jwt: JwtKeys = { algorithm: 'HS256', secret: SECRET }
const now = Math.floor(Date.now() / 1_000)

/** Signed as it stands, however wrong. */
const signText = (payload: string) =>
  new CompactSign(new TextEncoder().encode(payload)).setProtectedHeader({ alg: 'HS256' }).sign(secretBytes)

t.test('a token has an end, and it is a number of seconds', async (t) => {
  const gateway = await startForeignGateway(t, { jwt })
  const good = await signHs256({ id: 'ada', exp: now + 60 })
  t.strictSame(await gateway.present(good), { status: 200, userId: 'ada' }, 'the control')
  for (const payload of [
    '{"id":"ada"}',
    `{"id":"ada","exp":"${now + 60}"}`,
    '{"id":"ada","exp":null}',
    '{"id":"ada","exp":true}',
    '{"id":"ada","exp":[9999999999]}',
    '{"id":"ada","exp":{}}',
    '{"id":"ada","exp":-1}',
    '{"id":"ada","exp":0}',
    '{"id":"ada","exp":1e308}',
    '{"id":"ada","exp":1e999}',
    `{"id":"ada","exp":${now - 60}}`,
    `{"id":"ada","exp":${now + 60},"exp":${now - 60}}`,
    `{"id":"ada","Exp":${now + 60}}`,
    `{"id":"ada","__proto__":{"exp":${now + 60}}}`,
    `{"id":"ada","exp":${now + 60},"nbf":${now + 3_600}}`,
    `{"id":"ada","exp":${now + 60},"nbf":"soon"}`,
    `{"__proto__":{"id":"ada"},"exp":${now + 60}}`,
    '{"id":"ada","exp":',
    'null',
    '[]',
  ])
    t.strictSame(await gateway.present(await signText(payload)), refused, payload)
  t.equal(gateway.upstream.requests.length, 1, 'the core received the control alone')
})
