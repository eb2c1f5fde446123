import { type CryptoKey, createLocalJWKSet, errors, type JWTHeaderParameters, type LocalJWKSet } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Observe } from './authn-event.ts'
import type { Outbound } from './outbound.ts'

/** The public keys of apps, fetched from where each publishes them (JWKS, RFC 7517). */
export type KeySets = {
  /**
   * The key that a token's header names; null where the app has no such key.
   * @param issuedAtMs what the token says of itself, unproven
   * @throws Error where that cannot be told now
   */
  find(key: KeyQuestion): Promise<CryptoKey | null>
}

export type KeyQuestion = {
  app: string
  url: string
  header: JWTHeaderParameters
  issuedAtMs: number | undefined
}

export type KeySetLimits = {
  /** After this a set is fetched again: a key that was withdrawn must end. */
  maxAgeMs: number
  /** So long an old set serves while no new one can be had. */
  maxStaleMs: number
  /** However many unknown keys are named, a set is not fetched again within this time. */
  coolDownMs: number
  timeoutMs: number
}

export const DEFAULT_KEY_SET_LIMITS: KeySetLimits = {
  maxAgeMs: 600_000,
  maxStaleMs: 3_600_000,
  coolDownMs: 30_000,
  timeoutMs: 3_000,
}

const MAX_SETS = 10_000
const MAX_KEYS = 50
const FIRST_RETRY_MS = 1_000
const SKEW_MS = 5_000

type Held = {
  url: string
  keys: LocalJWKSet | undefined
  /** By the clock that tokens are dated by. */
  datedMs: number
  fetchedAtMs: number
  nextFetchAtMs: number
  failures: number
  fetching: Promise<LocalJWKSet> | undefined
}

type Parts = {
  outbound: Outbound
  clock: () => number
  steadyClock?: (() => number) | undefined
  observe: Observe
  limits?: KeySetLimits | undefined
}

export function createKeySets({ outbound, clock, observe, ...parts }: Parts): KeySets {
  const { limits = DEFAULT_KEY_SET_LIMITS, steadyClock = clock } = parts
  const sets = new LRUCache<string, Held>({ max: MAX_SETS })

  function heldFor(app: string, url: string): Held {
    const key = `${app}\0${url}`
    const known = sets.get(key)
    if (known !== undefined) return known
    const never = { datedMs: 0, fetchedAtMs: -Infinity, nextFetchAtMs: -Infinity }
    const fresh = { url, keys: undefined, ...never, failures: 0, fetching: undefined }
    sets.set(key, fresh)
    return fresh
  }

  async function fetchKeys(held: Held): Promise<LocalJWKSet> {
    const [datedMs, startedAtMs] = [clock(), steadyClock()]
    try {
      const { status, text } = await outbound.request({
        method: 'GET',
        url: held.url,
        timeoutMs: limits.timeoutMs,
        isDeployments: false,
      })
      if (status !== 200) throw new Error(`the key set's address answered ${status}`)
      held.keys = parseKeySet(text)
      held.datedMs = datedMs
      held.fetchedAtMs = startedAtMs
      held.failures = 0
      held.nextFetchAtMs = steadyClock() + limits.coolDownMs
      observe('jwks-fetched')
      return held.keys
    } catch (error) {
      observe('jwks-failed')
      const pauseMs = FIRST_RETRY_MS * 2 ** Math.min(held.failures, 10)
      held.failures += 1
      held.nextFetchAtMs = steadyClock() + Math.min(limits.coolDownMs, pauseMs)
      throw error
    }
  }

  function refresh(held: Held): Promise<LocalJWKSet> {
    if (held.fetching === undefined) {
      if (steadyClock() < held.nextFetchAtMs) throw new Error('the key set was asked for a moment ago')
      held.fetching = fetchKeys(held).finally(() => {
        held.fetching = undefined
      })
    }
    return held.fetching
  }

  async function currentKeys(held: Held): Promise<LocalJWKSet> {
    const { keys } = held
    const ageMs = steadyClock() - held.fetchedAtMs
    if (keys !== undefined && ageMs <= limits.maxAgeMs) return keys
    try {
      return await refresh(held)
    } catch (error) {
      if (keys !== undefined && ageMs <= limits.maxStaleMs) return keys
      throw error
    }
  }

  return {
    async find({ app, url, header, issuedAtMs }) {
      const held = heldFor(app, url)
      const askedAtMs = steadyClock()
      const keys = await currentKeys(held)
      let key = await pick(keys, header)
      // Another question may have had them fetched meanwhile.
      if (key === null && held.keys !== undefined && held.keys !== keys) key = await pick(held.keys, header)
      if (key !== null || held.fetchedAtMs >= askedAtMs) return key
      if (held.fetching !== undefined || steadyClock() >= held.nextFetchAtMs)
        return pick(await refresh(held), header)
      // A key is published before it signs: what is older than our copy of the set has no key in it.
      if (issuedAtMs !== undefined && issuedAtMs < held.datedMs - SKEW_MS) return null
      throw new Error('the key is not in the set, which was fetched a moment ago')
    },
  }
}

/** The parser's own message would quote the answer. */
function parseKeySet(text: string): LocalJWKSet {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new Error('the key set is not JSON')
  }
  if (typeof set !== 'object' || set === null || !('keys' in set) || !Array.isArray(set.keys))
    throw new Error('the key set has no keys')
  if (set.keys.length > MAX_KEYS) throw new Error(`the key set has more than ${MAX_KEYS} keys`)
  return createLocalJWKSet({ keys: set.keys })
}

/** Without a `kid` exactly one key may fit. @throws Error where the key is there and cannot be used */
async function pick(keys: LocalJWKSet, header: JWTHeaderParameters): Promise<CryptoKey | null> {
  try {
    return await keys(header)
  } catch (cause) {
    if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys)
      return null
    throw new Error('the key set holds a key that cannot be used', { cause })
  }
}
