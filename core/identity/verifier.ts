import { LRUCache } from 'lru-cache'
import { MAX_SKEW_MS, type SigningKey, type Verified, verifyIdentity } from '#contract/signature.ts'

/** The one check of the one value that the core trusts, whichever carrier brought it. */
export type IdentityVerifier = { verify(text: unknown): Verified }

export type RekeyedVerifier = IdentityVerifier & {
  rememberedCount(): number
  /** Other keys from now on; what a key that is gone has signed is refused at once. */
  setKeys(keys: readonly SigningKey[]): void
}

const MAX_REMEMBERED = 5_000
/** Long user ids make long texts; those are checked anew instead of filling the memory. */
const MAX_REMEMBERED_LENGTH = 2_048

/**
 * A gateway signs once a window and repeats that text with every request, so what was verified is remembered
 * until it goes stale. Refusals are not: anyone could fill the memory with them.
 */
export function createIdentityVerifier(
  startingKeys: readonly SigningKey[],
  clock: () => number,
): RekeyedVerifier {
  let keys = startingKeys
  const verified = new LRUCache<string, { answer: Verified; untilMs: number }>({ max: MAX_REMEMBERED })

  // From the end that was used longest ago: gateways sign anew three times a minute.
  function dropStale(nowMs: number): void {
    for (;;) {
      const { value: oldest } = verified.rkeys().next()
      if (oldest === undefined || nowMs <= (verified.peek(oldest)?.untilMs ?? 0)) return
      verified.delete(oldest)
    }
  }

  return {
    rememberedCount: () => verified.size,
    setKeys(next) {
      keys = next
      verified.clear()
    },
    verify(text) {
      const nowMs = clock()
      if (typeof text !== 'string') return { refused: 'malformed' }
      const known = verified.get(text)
      if (known !== undefined) return nowMs <= known.untilMs ? known.answer : { refused: 'stale' }
      const answer = verifyIdentity(text, keys, nowMs)
      if ('refused' in answer) return answer
      const untilMs = standsUntilMs(text, answer)
      if (nowMs > untilMs) return { refused: 'stale' }
      dropStale(nowMs)
      if (text.length <= MAX_REMEMBERED_LENGTH) verified.set(text, { answer, untilMs })
      return answer
    },
  }
}

/** The end of the signature or of the credential itself, whichever comes first. The text has been verified. */
function standsUntilMs(text: string, answer: Verified): number {
  const payload: { exp: number } = JSON.parse(Buffer.from(text.split('.')[2] ?? '', 'base64url').toString())
  const named = 'identity' in answer && answer.identity.kind !== 'anonymous' ? answer.identity : undefined
  return Math.min(payload.exp, named?.expiresAtMs ?? Infinity) + MAX_SKEW_MS
}
