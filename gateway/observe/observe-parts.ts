import type { Authn } from '../authn/authn.ts'
import type { Tunnels } from '../tunnel/upgrade.ts'
import type { UpstreamPool } from '../upstream/pool.ts'
import type { Metrics } from './metrics.ts'

/** Gauges that are read from the parts when somebody scrapes. */
export function observeParts(
  metrics: Metrics,
  { authn, pool, tunnels }: { authn: Authn; pool: UpstreamPool; tunnels: Tunnels },
): void {
  metrics.gauge(
    'gateway_credential_feed_behind_seconds',
    'How long the credential feed has been out of reach.',
    () => authn.feed.behindMs() / 1000,
  )
  metrics.gauge(
    'gateway_credential_feed_position',
    'The last change of credentials applied.',
    () => authn.feed.position() ?? 0,
  )
  metrics.gauges('gateway_cached_credentials', 'Credentials in the cache.', 'outcome', () => {
    const { proofs, refusals } = authn.cachedCounts()
    return { proof: proofs, refusal: refusals }
  })
  metrics.gauges('gateway_tunnels', 'Live sockets.', 'state', () => tunnels.registry.counts())
  metrics.gauges(
    'gateway_upstream_outstanding_requests',
    'Requests under way or waiting, by core.',
    'upstream',
    () => Object.fromEntries(pool.states().map((state) => [state.name, state.outstanding])),
  )
  metrics.gauges('gateway_upstream_healthy', 'Whether a core is believed to take requests.', 'upstream', () =>
    Object.fromEntries(pool.states().map((state) => [state.name, state.state === 'ejected' ? 0 : 1])),
  )
}
