import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto'

export type FileAddress = { app: string; bucket: string; id: string }

/** Addresses of files that are good for a while, for whoever has them: `<img>` sends no headers. */
export type SignedUrls = {
  /** `Expires` (seconds since the epoch: clients read when to ask again) and `Signature`. */
  sign(file: FileAddress): URLSearchParams
  /** Whether these are the two, unexpired. Compared in constant time. */
  verify(file: FileAddress, given: { expires: unknown; signature: unknown }): boolean
}

const LIFETIME_S = 3_600
const EXPIRES = /^[1-9]\d{0,11}$/

export function createSignedUrls(deploymentSecret: Uint8Array, clock: () => number): SignedUrls {
  // Not as bytes: see `SigningKey`.
  const key = createSecretKey(
    Buffer.from(hkdfSync('sha256', deploymentSecret, '', 'imkit file addresses', 32)),
  )
  const digest = ({ app, bucket, id }: FileAddress, expires: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([app, bucket, id, expires]))
      .digest()
  return {
    sign(file) {
      // To the minute, so that what is shown again within it comes from the browser's cache.
      const expires = String(Math.ceil(clock() / 60_000) * 60 + LIFETIME_S)
      return new URLSearchParams({ Expires: expires, Signature: digest(file, expires).toString('base64url') })
    },
    verify(file, { expires, signature }) {
      if (typeof expires !== 'string' || typeof signature !== 'string' || !EXPIRES.test(expires)) return false
      const expected = digest(file, expires)
      const given = Buffer.from(signature, 'base64url')
      const isRight = given.length === expected.length && timingSafeEqual(given, expected)
      // One signature has one spelling.
      return isRight && signature === expected.toString('base64url') && Number(expires) * 1_000 > clock()
    },
  }
}
