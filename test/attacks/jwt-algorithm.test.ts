/**
 * The attacker chooses the algorithm. A verifier that believes the token's header takes `none` for a signature, or an
 * app's public RSA key, which everybody can read, for an HMAC secret. Others are led to a key of the attacker's own
 * inside the header, or take an all-zero ECDSA signature for a good one (CVE-2022-21449). Precedent: APISIX
 * CVE-2026-39999.
 */
import { createHmac } from 'node:crypto'
import { CompactSign, exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose'
import t from 'tap'
import type { JwtKeys } from '#contract/internal.ts'
import {
  createSigner,
  SECRET,
  secretBytes,
  signHs256,
  startIssuer,
  toBase64url,
} from '../gateway/authn/jwt-issuer.ts'
import { refused, startForeignGateway } from './foreign-gateway.ts'

const exp = Math.floor(Date.now() / 1_000) + 3_600
const claims = { id: 'root', iat: exp - 7_200, exp }
const unsigned = (header: unknown, signature = '') =>
  `${toBase64url(header)}.${toBase64url(claims)}.${signature}`

/** HMAC over header and payload with any bytes as the secret. */
function hmacWith(key: string | Uint8Array, header: object = { alg: 'HS256' }): string {
  const text = `${toBase64url(header)}.${toBase64url(claims)}`
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
}

t.test('an app with a secret of its own', async (t) => {
  const jwt: JwtKeys = { algorithm: 'HS256', secret: SECRET }
  const gateway = await startForeignGateway(t, { jwt })
  const good = await signHs256(claims)
  const [header, payload, signature = ''] = good.split('.')
  t.strictSame(await gateway.present(good), { status: 200, userId: 'root' }, 'the control')

  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const own = await exportJWK(publicKey)
  const hs512 = await new SignJWT(claims).setProtectedHeader({ alg: 'HS512' }).sign(Buffer.alloc(64, SECRET))
  const attacks: Record<string, string> = {
    none: unsigned({ alg: 'none' }),
    'none with the good signature': unsigned({ alg: 'none' }, signature),
    None: unsigned({ alg: 'None' }),
    nOnE: unsigned({ alg: 'nOnE' }),
    'an empty name': unsigned({ alg: '' }),
    'no name': unsigned({ typ: 'JWT' }),
    'a list of names': unsigned({ alg: ['HS256', 'none'] }, signature),
    'null for a name': unsigned({ alg: null }),
    'lower case': hmacWith(SECRET, { alg: 'hs256' }),
    'no signature': `${header}.${payload}.`,
    'no signature and no dot': `${header}.${payload}`,
    'half a signature': `${header}.${payload}.${signature.slice(0, 21)}`,
    'a signature with a tail': `${good}AAAA`,
    'another app’s claims under the signature': `${header}.${toBase64url({ ...claims, id: 'other' })}.${signature}`,
    'an empty secret': hmacWith(''),
    'a NUL for a secret': hmacWith('\0'),
    HS512: hs512,
    RS256: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey),
    'a key of its own in the header': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', jwk: own as { kty: string } })
      .sign(privateKey),
    'a critical extension': hmacWith(SECRET, { alg: 'HS256', crit: ['x'], x: 1 }),
    'an unencoded payload': hmacWith(SECRET, { alg: 'HS256', b64: false, crit: ['b64'] }),
    'five parts, as of an encrypted token': `${header}.e30.AA.${payload}.${signature}`,
    'a payload that is no object': await new CompactSign(new TextEncoder().encode('"root"'))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(secretBytes),
  }
  for (const [what, token] of Object.entries(attacks))
    t.strictSame(await gateway.present(token), refused, what)
  t.equal(gateway.upstream.requests.length, 1, 'the core received the control alone')
})

t.test('an app with a published key set', async (t) => {
  const [rsa, ec] = [await createSigner('rsa', 'RS256'), await createSigner('ec')]
  const issuer = await startIssuer(t, rsa.jwk, ec.jwk, { kty: 'oct', k: toBase64url('x'), kid: 'oct' })
  const jwt: JwtKeys = { jwksUrl: issuer.url, algorithms: ['RS256', 'ES256'] }
  const gateway = await startForeignGateway(t, { jwt })
  t.strictSame(await gateway.present(await rsa.sign(claims)), { status: 200, userId: 'root' }, 'the control')

  const publicKey = await importJWK(rsa.jwk, 'RS256', { extractable: true })
  const pem = publicKey instanceof Uint8Array ? '' : await exportSPKI(publicKey)
  const zero = Buffer.alloc(64).toString('base64url')
  const foreign = await createSigner('rsa', 'RS256')
  const attacks: Record<string, string> = {
    'the public key as a secret, as PEM': hmacWith(pem, { alg: 'HS256', kid: 'rsa' }),
    'the same without its last line end': hmacWith(pem.trim(), { alg: 'HS256', kid: 'rsa' }),
    'the public key as a secret, as JWK': hmacWith(JSON.stringify(rsa.jwk), { alg: 'HS256', kid: 'rsa' }),
    'its modulus': hmacWith(Buffer.from(String(rsa.jwk.n), 'base64url'), { alg: 'HS256', kid: 'rsa' }),
    'a secret of the set': hmacWith(Buffer.from(toBase64url('x'), 'base64url'), { alg: 'HS256', kid: 'oct' }),
    'one key under the other’s algorithm': unsigned({ alg: 'ES256', kid: 'rsa' }, zero),
    'a signature of zeros': unsigned({ alg: 'ES256', kid: 'ec' }, zero),
    'an algorithm that the set could do and the app has not named': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES384', kid: 'ec' })
      .sign((await generateKeyPair('ES384')).privateKey),
    'a foreign key under a known id': await foreign.sign(claims),
    none: unsigned({ alg: 'none', kid: 'rsa' }),
  }
  for (const [what, token] of Object.entries(attacks))
    t.strictSame(await gateway.present(token), refused, what)
  t.equal(gateway.upstream.requests.length, 1, 'the core received the control alone')
})
