import fc from 'fast-check'
import type { Identity } from '#contract/identity.ts'
import { signIdentity, signingKey, verifyIdentity } from '#contract/signature.ts'
import { fuzzTarget, must } from '../target.ts'

// Oracle: what was signed verifies as what it was; every other text, however near, is refused, and nothing throws.

const KEY = signingKey('k1', Buffer.alloc(32, 1))
const OTHER = signingKey('k2', Buffer.alloc(32, 2))
const NOW = 1_800_000_000_000

type Input = {
  userId: string
  deviceId: string | null
  kind: 'client' | 'platform' | 'anonymous'
  at: number
  text: string
  skewMs: number
}

const piece = fc.oneof(
  fc.constantFrom('', '.', '..', 'v1', 'v2', 'k1', 'k2', '__proto__', 'e30', 'bnVsbA', '=', '%', '\0', ' '),
  fc.string({ maxLength: 6 }),
)

export const identity = fuzzTarget<Input>({
  name: 'identity',
  inputs: fc.record({
    userId: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('a\r\nX: y', '😀', '\ud800', '__proto__'),
    ),
    deviceId: fc.option(fc.string({ unit: 'binary', maxLength: 10 })),
    kind: fc.constantFrom('client' as const, 'platform' as const, 'anonymous' as const),
    at: fc.nat(600),
    text: piece,
    skewMs: fc.integer({ min: -200_000, max: 200_000 }),
  }),
  check({ userId, deviceId, kind, at, text, skewMs }) {
    const given: Identity =
      kind === 'anonymous'
        ? { kind, app: 'demo' }
        : {
            kind,
            app: 'demo',
            userId,
            deviceId: deviceId ?? undefined,
            credentialId: 'c',
            expiresAtMs: undefined,
          }
    const signed = signIdentity(given, [KEY, OTHER], NOW)
    must(/^[\x21-\x7e]+$/.test(signed), 'not ASCII')
    const read = verifyIdentity(signed, [OTHER, KEY], NOW)
    must('identity' in read, 'a genuine identity is refused')
    must(JSON.stringify(read.identity) === JSON.stringify(given), 'read as somebody else')
    const standing = verifyIdentity(signed, [KEY], NOW + skewMs)
    must('identity' in standing === (skewMs >= -5_000 && skewMs <= 65_000), `stands at ${skewMs} ms`)
    must('refused' in verifyIdentity(signed, [OTHER], NOW), 'verified by a key that did not sign')
    const place = at % (signed.length + 1)
    for (const changed of [
      signed.slice(0, place) + text + signed.slice(place),
      signed.slice(0, place) + text + signed.slice(place + Math.max(1, text.length)),
      signed.slice(0, place),
      text,
    ]) {
      if (changed === signed) continue
      must('refused' in verifyIdentity(changed, [KEY, OTHER], NOW), `accepted: ${changed}`)
    }
  },
})
