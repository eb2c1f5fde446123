import { networkOf } from './network.ts'
import { createRateLimit, type RateLimit, type WindowKeeper } from './rate-limit.ts'

/** Requests a minute. */
export type RateSettings = {
  /** Of one platform key. */
  platform: number
  /** Of one client's credential. */
  client: number
  /** Of one address: without a user's credential, sockets opened and polled as nobody among them. */
  address: number
  /** Of one address: credentials refused, and lookups of credentials that turned out to be bad. */
  refused: number
}

/** A client's is far above what any does, and far below what harms; an address may be a whole office. */
export const RATE_DEFAULTS: RateSettings = { platform: 1_000, client: 6_000, address: 1_200, refused: 120 }

export type RateLimits = {
  /**
   * Each answers 0, or the seconds after which to try again.
   * @param keeper of this credential and no other
   */
  identified(kind: 'platform' | 'client', credentialId: string, keeper?: WindowKeeper): number
  anonymous(address: string): number
  refused(address: string): number
  /** Lookups that end in nothing cost the store, so an address has only so many. */
  lookup: {
    waitS(address: string): number
    failed(address: string): void
  }
  /** By name, for sharing and for metrics. */
  byName: ReadonlyMap<RateName, RateLimit>
  reconfigure(settings: RateSettings): void
}

export type RateName = 'platform' | 'client' | 'address' | 'refused' | 'lookup'

export type RateLimitsParts = { settings: RateSettings; clock: () => number; isShared: boolean }

/** Counted apart, so that a flood of one kind neither uses up nor pushes out of memory the budgets of another. */
export function createRateLimits({ settings, clock, isShared }: RateLimitsParts): RateLimits {
  const create = (perMinute: number) => createRateLimit({ perMinute, clock, isShared })
  const platform = create(settings.platform)
  const client = create(settings.client)
  const address = create(settings.address)
  const refused = create(settings.refused)
  const lookup = create(settings.refused)

  return {
    identified: (kind, credentialId, keeper) =>
      seconds((kind === 'platform' ? platform : client).take(credentialId, keeper)),
    anonymous: (from) => seconds(address.take(networkOf(from))),
    refused: (from) => seconds(refused.take(networkOf(from))),
    lookup: {
      waitS: (from) => seconds(lookup.waitOf(networkOf(from))),
      failed(from) {
        lookup.take(networkOf(from))
      },
    },
    byName: new Map<RateName, RateLimit>([
      ['platform', platform],
      ['client', client],
      ['address', address],
      ['refused', refused],
      ['lookup', lookup],
    ]),
    reconfigure(next) {
      platform.perMinute = next.platform
      client.perMinute = next.client
      address.perMinute = next.address
      refused.perMinute = next.refused
      lookup.perMinute = next.refused
    },
  }
}

const seconds = (waitMs: number): number => (waitMs === 0 ? 0 : Math.ceil(waitMs / 1_000))
