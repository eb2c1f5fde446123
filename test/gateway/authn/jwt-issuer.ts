import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { type AuthService, answerJson, startAuthService } from './auth-service.ts'

export const SECRET = 'a secret that is long enough for HS256'
export const secretBytes = new TextEncoder().encode(SECRET)

/** A token as an app's own server would make it. */
export const signHs256 = (claims: JWTPayload, header: object = {}, key = secretBytes): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...header }).sign(key)

export const toBase64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url')

export type Signer = {
  kid: string
  jwk: JWK
  privateKey: CryptoKey
  sign(claims: JWTPayload, header?: object): Promise<string>
}

export async function createSigner(kid: string, alg = 'ES256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return {
    kid,
    jwk,
    privateKey,
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  }
}

export type Issuer = AuthService & { publish(...keys: readonly JWK[]): void }

/** Publishes a key set, as an identity provider does. */
export async function startIssuer(
  t: { teardown(end: () => unknown): unknown },
  ...keys: readonly JWK[]
): Promise<Issuer> {
  const service = await startAuthService(t, answerJson({ keys }))
  return Object.assign(service, {
    publish(...published: readonly JWK[]) {
      service.respond = answerJson({ keys: published })
    },
  })
}
