/**
 * What the operators' page shows, once a second: made of what Prometheus would read, so that the two cannot differ.
 * Counters become what was added since the sample before, per second.
 */
import type { Registry } from 'prom-client'
import type { UpstreamState } from '../upstream/upstream.ts'
import { createLatency, type Latency } from './latency.ts'

const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const
type StatusClass = (typeof STATUS_CLASSES)[number]

/** Of authentication's steps: answered from memory, and looked up elsewhere. */
const HITS: ReadonlySet<string> = new Set(['cache-hit', 'cache-hit-behind', 'cache-negative-hit'])
const LOOKUPS: ReadonlySet<string> = new Set([
  'redis-hit',
  'introspection-active',
  'introspection-inactive',
  'introspection-failed',
  'jwt-verified',
  'jwt-refused',
  'jwt-failed',
  'external-verified',
  'external-refused',
  'external-failed',
])

export type Figures = {
  atMs: number
  startedAtMs: number
  /** Undefined = ready. */
  unreadiness?: string | undefined
  requestsPerS: Record<StatusClass, number>
  latency: Latency | null
  /** Shares of one, null where nothing was asked. */
  cacheHits: number | null
  cachedCredentials: number
  lookupsPerS: number
  feedBehindS: number
  feedPosition: number
  sockets: { identified: number; anonymous: number }
  connections: number
  refusals: { code: string; perS: number; total: number }[]
  upstreams: UpstreamState[]
  eventLoopLagMs: number
  residentBytes: number
}

export type FiguresParts = {
  registry: Registry
  upstreams(): UpstreamState[]
  unreadiness(): string | undefined
  clock: () => number
}

type Sample = { value: number; labels: Record<string, string | number>; metricName?: string }
type Totals = { atMs: number; byKey: Map<string, number> }

export type FigureSource = { sample(): Promise<Figures> }

export function createFigures({ registry, upstreams, unreadiness, clock }: FiguresParts): FigureSource {
  const startedAtMs = clock()
  const latency = createLatency()
  let before: Totals | undefined

  return {
    async sample() {
      const metrics = new Map((await registry.getMetricsAsJSON()).map((metric) => [metric.name, metric]))
      const valuesOf = (name: string): Sample[] => (metrics.get(name)?.values ?? []) as Sample[]
      const one = (name: string): number => valuesOf(name)[0]?.value ?? 0
      const labelled = (name: string, label: string): Map<string, number> =>
        new Map(valuesOf(name).map(({ labels, value }) => [String(labels[label]), value]))

      const now: Totals = { atMs: clock(), byKey: new Map() }
      const seconds = before === undefined ? 0 : Math.max(0.001, (now.atMs - before.atMs) / 1_000)
      const perS = (key: string, total: number): number => {
        now.byKey.set(key, total)
        return before === undefined ? 0 : (total - (before.byKey.get(key) ?? 0)) / seconds
      }

      const requestsPerS = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 }
      for (const [status, total] of labelled('http_requests_total', 'status')) {
        const rate = perS(`status ${status}`, total)
        const among = STATUS_CLASSES.find((name) => name[0] === status[0])
        if (among !== undefined) requestsPerS[among] += rate
      }
      const events = labelled('gateway_authentication_events_total', 'event')
      const hits = perS('hits', sum(events, HITS))
      const lookupsPerS = perS('lookups', sum(events, LOOKUPS))
      const refusals = [...labelled('gateway_refusals_total', 'code')].map(([code, total]) => ({
        code,
        total,
        perS: perS(`refusal ${code}`, total),
      }))
      const sockets = labelled('gateway_tunnels', 'state')
      const cached = labelled('gateway_cached_credentials', 'outcome')
      const buckets = valuesOf('http_request_duration_seconds')
        .filter(({ metricName }) => metricName?.endsWith('_bucket'))
        .map(({ labels, value }) => ({
          le: Number(labels.le === '+Inf' ? Infinity : labels.le),
          count: value,
        }))
      const figures: Figures = {
        atMs: now.atMs,
        startedAtMs,
        unreadiness: unreadiness(),
        requestsPerS,
        latency: latency.since(buckets),
        cacheHits: hits + lookupsPerS === 0 ? null : hits / (hits + lookupsPerS),
        cachedCredentials: (cached.get('proof') ?? 0) + (cached.get('refusal') ?? 0),
        lookupsPerS,
        feedBehindS: one('gateway_credential_feed_behind_seconds'),
        feedPosition: one('gateway_credential_feed_position'),
        sockets: { identified: sockets.get('identified') ?? 0, anonymous: sockets.get('anonymous') ?? 0 },
        connections: one('gateway_connections'),
        refusals: refusals.sort((a, b) => b.perS - a.perS || b.total - a.total),
        upstreams: upstreams(),
        eventLoopLagMs: one('nodejs_eventloop_lag_p99_seconds') * 1_000,
        residentBytes: one('process_resident_memory_bytes'),
      }
      before = now
      return figures
    },
  }
}

function sum(counts: ReadonlyMap<string, number>, names: ReadonlySet<string>): number {
  let total = 0
  for (const name of names) total += counts.get(name) ?? 0
  return total
}
