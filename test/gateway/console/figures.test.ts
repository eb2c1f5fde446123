import t from 'tap'
import { createFigures } from '../../../gateway/console/figures.ts'
import { createMetrics } from '../../../gateway/observe/metrics.ts'

t.test('figures are what the metrics say, counters as what was added per second', async (t) => {
  const metrics = createMetrics()
  metrics.gauges('gateway_tunnels', '.', 'state', () => ({ identified: 3, anonymous: 1 }))
  metrics.gauge('gateway_credential_feed_behind_seconds', '.', () => 4)
  let nowMs = 1_000_000
  let reason: string | undefined
  const figures = createFigures({
    registry: metrics.registry,
    upstreams: () => [],
    unreadiness: () => reason,
    clock: () => nowMs,
  })
  metrics.answered(200, 0.002)
  metrics.refused('INVALID_API_KEY')
  const first = await figures.sample()
  t.match(first, { requestsPerS: { '2xx': 0 }, latency: null, cacheHits: null }, 'nothing to compare with')
  t.match(first, { sockets: { identified: 3, anonymous: 1 }, feedBehindS: 4, unreadiness: undefined })
  t.match(first.refusals, [{ code: 'INVALID_API_KEY', total: 1, perS: 0 }])

  nowMs += 2_000
  for (let i = 0; i < 10; i++) metrics.answered(204, 0.002)
  for (let i = 0; i < 4; i++) metrics.answered(i % 2 === 0 ? 401 : 503, 0.002)
  for (const event of ['cache-hit', 'cache-hit', 'cache-hit', 'introspection-active']) metrics.counted(event)
  for (let i = 0; i < 3; i++) metrics.refused('MISSING_TOKEN')
  metrics.refused('INVALID_API_KEY')
  reason = 'draining'
  const second = await figures.sample()
  t.match(second, {
    unreadiness: 'draining',
    requestsPerS: { '2xx': 5, '3xx': 0, '4xx': 1, '5xx': 1 },
    cacheHits: 0.75,
    lookupsPerS: 0.5,
  })
  t.ok(second.latency !== null && second.latency.p50 > 1 && second.latency.p99 <= 2.5)
  t.match(second.refusals, [
    { code: 'MISSING_TOKEN', total: 3, perS: 1.5 },
    { code: 'INVALID_API_KEY', total: 2, perS: 0.5 },
  ])
})
