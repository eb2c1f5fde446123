import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse, stringify } from 'yaml'

const RULES = fileURLToPath(new URL('../../deploy/observability/alerts.yml', import.meta.url))
const GATEWAY = 'job="gateway",instance="gateway-1:8081"'
const CORE = 'job="core",instance="core-1:8092"'
const MONTH_S = 30 * 86_400

/** A metric twice a minute, when something is wrong and when nothing is: `0+30x60` is 0, 30, 60 … */
type Courses = Record<string, readonly [ill: string, well: string]>

const errors = (of: string): Courses => ({
  [`http_requests_total{${of},status="500"}`]: ['0+2x60', '0x60'],
  [`http_requests_total{${of},status="200"}`]: ['0+98x60', '0+98x60'],
})

const ALERTS: Record<string, Courses> = {
  GatewayDown: { [`up{${GATEWAY}}`]: ['0x60', '1x60'] },
  GatewayErrors: errors(GATEWAY),
  GatewaySlow: {
    [`http_request_duration_seconds_bucket{${GATEWAY},le="1"}`]: ['0+90x60', '0+100x60'],
    [`http_request_duration_seconds_bucket{${GATEWAY},le="2.5"}`]: ['0+100x60', '0+100x60'],
    [`http_request_duration_seconds_bucket{${GATEWAY},le="+Inf"}`]: ['0+100x60', '0+100x60'],
  },
  AuthenticationUnavailable: {
    [`gateway_refusals_total{${GATEWAY},code="AUTHENTICATION_UNAVAILABLE"}`]: ['0+30x60', '0+1x60'],
  },
  CredentialFeedBehind: { [`gateway_credential_feed_behind_seconds{${GATEWAY}}`]: ['40x60', '2x60'] },
  UpstreamUnhealthy: { [`gateway_upstream_healthy{${GATEWAY},upstream="core-1"}`]: ['0x60', '1x60'] },
  NoUpstream: {
    [`gateway_upstream_healthy{${GATEWAY},upstream="core-1"}`]: ['0x60', '0x60'],
    [`gateway_upstream_healthy{${GATEWAY},upstream="core-2"}`]: ['0x60', '1x60'],
  },
  SocketsLost: { [`gateway_tunnels{${GATEWAY}}`]: ['200x45 50x15', '200x60'] },
  CredentialsGuessed: {
    [`gateway_refusals_total{${GATEWAY},code="INVALID_TOKEN"}`]: ['0+900x60', '0+30x60'],
  },
  IdentitiesForged: { [`gateway_forged_fields_total{${GATEWAY}}`]: ['0x40 1x20', '0x60'] },
  ConnectionsDropped: {
    [`gateway_connections_dropped_total{${GATEWAY},reason="limit"}`]: ['0+60x60', '0x60'],
  },
  ReloadRefused: { [`gateway_config_last_reload_successful{${GATEWAY}}`]: ['0x60', '1x60'] },
  CertificateEnds: {
    [`gateway_tls_certificate_expiry_timestamp_seconds{${GATEWAY}}`]: ['86400x60', `${MONTH_S}x60`],
  },
  CoreDown: { [`up{${CORE}}`]: ['0x60', '1x60'] },
  CoreErrors: errors(CORE),
  CoreFeedBehind: { [`core_feed_behind_seconds{${CORE}}`]: ['40x60', '2x60'] },
  OutboxBehind: { [`core_outbox_oldest_seconds{${CORE},kind="relay"}`]: ['40x60', '2x60'] },
  OutboxParked: { [`core_outbox_dead{${CORE},kind="relay"}`]: ['1x60', '0x60'] },
  WebhooksGivenUp: {
    [`core_deliveries_total{${CORE},kind="webhook",outcome="dead"}`]: ['0x40 1x20', '0x60'],
  },
  PushesFailing: {
    [`core_deliveries_total{${CORE},kind="push",outcome="failed"}`]: ['0+60x60', '0+1x60'],
    [`core_deliveries_total{${CORE},kind="push",outcome="delivered"}`]: ['0+10x60', '0+60x60'],
  },
  EventLoopBusy: { [`nodejs_eventloop_lag_p99_seconds{${GATEWAY}}`]: ['0.5x60', '0.01x60'] },
  MemoryHigh: { [`process_resident_memory_bytes{${CORE}}`]: ['1000000000x60', '200000000x60'] },
}

function experiment(alert: string, courses: Courses, isIll: boolean) {
  return {
    name: `${alert}, ${isIll ? 'ill' : 'well'}`,
    interval: '30s',
    input_series: Object.entries(courses).map(([series, [ill, well]]) => ({
      series,
      values: isIll ? ill : well,
    })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
        eval_time: '25m',
        exp_samples: isIll ? [{ labels: '{}', value: 1 }] : [],
      },
    ],
  }
}

t.test('each alert fires when it should, and is quiet otherwise', async (t) => {
  const { groups }: { groups: { rules: { alert: string }[] }[] } = parse(await readFile(RULES, 'utf8'))
  t.same(
    groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)),
    Object.keys(ALERTS),
  )
  const tests = Object.entries(ALERTS).flatMap(([alert, courses]) => [
    experiment(alert, courses, true),
    experiment(alert, courses, false),
  ])
  const folder = t.testdir({ 'alerts.yml': stringify({ rule_files: [RULES], tests }) })
  await t.resolves(promisify(execFile)('promtool', ['test', 'rules', `${folder}/alerts.yml`]))
})
