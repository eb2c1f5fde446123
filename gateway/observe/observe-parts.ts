import type { Authn } from '../authn/authn.ts'
import type { PublicServer } from '../http/public-server.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import type { Tunnels } from '../tunnel/upgrade.ts'
import type { UpstreamPool } from '../upstream/pool.ts'
import type { UpstreamState } from '../upstream/upstream.ts'
import type { Metrics } from './metrics.ts'

export type ObservedParts = {
  authn: Authn
  pool: UpstreamPool
  tunnels: Tunnels
  limits: RateLimits
  publicServer: PublicServer
  /** Undefined where TLS ends elsewhere. */
  certificateEndMs(): number | undefined
}

/** Gauges that are read from the parts when somebody scrapes. */
export function observeParts(
  metrics: Metrics,
  { authn, pool, tunnels, limits, publicServer, certificateEndMs }: ObservedParts,
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
  metrics.gauge(
    'gateway_polling_sessions',
    'Long-polling sessions that have authenticated, until some minutes after their last poll.',
    tunnels.sessions.count,
  )
  metrics.gauges(
    'gateway_upstream_outstanding_requests',
    'Requests under way or waiting, by core.',
    'upstream',
    () => Object.fromEntries(pool.states().map((state) => [state.name, state.outstanding])),
  )
  metrics.gauges(
    'gateway_upstream_healthy',
    'Whether a core has answered lately and says that it is ready.',
    'upstream',
    () => Object.fromEntries(pool.states().map((state) => [state.name, isHealthy(state) ? 1 : 0])),
  )
  metrics.gauge('gateway_connections', 'Open connections of clients.', publicServer.connectionCount)
  metrics.gauges('gateway_rate_limit_keys', 'Keys counted by each rate limit.', 'limit', () =>
    Object.fromEntries([...limits.byName].map(([name, limit]) => [name, limit.size])),
  )
  metrics.gauges(
    'gateway_tls_certificate_expiry_timestamp_seconds',
    'When the certificate in use ends.',
    'file',
    () => {
      const endMs = certificateEndMs()
      return endMs === undefined ? {} : { TLS_CERT_FILE: endMs / 1_000 }
    },
  )
}

const isHealthy = ({ state }: UpstreamState): boolean => state === 'healthy' || state === 'suspicious'
