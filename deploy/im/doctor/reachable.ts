import { MAX_SKEW_MS } from '#contract/signature.ts'
import { fieldsOf } from '../api.ts'
import { codeOf } from '../secrets.ts'
import { type Finding, IN_TIME_MS, ok, problem, skipped, warning } from './finding.ts'

/** A service as it answers; its clock as milliseconds that it is ahead of ours, known to half a second or so. */
type Seen = { finding: Finding; aheadMs: number | undefined }

const SHOWN_SKEW_MS = 2_000

export async function checkReadiness(check: string, url: string, todo: string): Promise<Seen> {
  const startMs = Date.now()
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(IN_TIME_MS) })
    const tookMs = Date.now() - startMs
    const date = Date.parse(response.headers.get('date') ?? '')
    // The field has whole seconds: on average the clock is half a second further.
    const aheadMs = Number.isNaN(date) ? undefined : date + 500 - (startMs + tookMs / 2)
    const { reason } = fieldsOf(await response.json().catch(() => undefined))
    if (response.ok) return { finding: ok(check, `is ready (${url})`), aheadMs }
    return {
      finding: problem(
        check,
        `is not ready: ${reason ?? response.status} (${url})`,
        'see its log; the reason says what it waits for',
      ),
      aheadMs,
    }
  } catch (error) {
    return {
      finding: problem(check, `cannot be reached at ${url} (${codeOf(error)})`, todo),
      aheadMs: undefined,
    }
  }
}

export function checkClocks(gateway: number | undefined, core: number | undefined): Finding {
  if (gateway === undefined || core === undefined)
    return skipped('clocks', 'gateway and core do not both answer')
  const skewMs = Math.abs(gateway - core)
  const says = `gateway and core are ${(skewMs / 1_000).toFixed(1)} s apart`
  const todo =
    'let both machines keep time (NTP): identities are good for a minute, and five seconds of difference'
  if (skewMs >= MAX_SKEW_MS) return problem('clocks', says, todo)
  return skewMs >= SHOWN_SKEW_MS
    ? warning('clocks', says, todo)
    : ok('clocks', `${says}, as far as can be told`)
}

const MAX_BEHIND_S = 10

/** How far the gateway has followed the credentials, and whether it sees its cores. */
export async function checkFeed(gatewayAdminUrl: string, coreAdminUrl: string): Promise<Finding[]> {
  const [gateway, core] = await Promise.all([readMetrics(gatewayAdminUrl), readMetrics(coreAdminUrl)])
  if (gateway === undefined || core === undefined)
    return [skipped('credential feed', 'gateway and core do not both show metrics')]
  const findings: Finding[] = []
  for (const [line, value] of gateway)
    if (line.startsWith('gateway_upstream_healthy{') && value === 0)
      findings.push(
        problem(
          'upstream',
          `the gateway takes ${/upstream="([^"]*)"/.exec(line)?.[1]} for ill`,
          'see whether that core is up; the gateway sends it nothing until it answers',
        ),
      )
  const at = gateway.get('gateway_credential_feed_position')
  const end = core.get('core_feed_position')
  const behindS = gateway.get('gateway_credential_feed_behind_seconds') ?? 0
  if (at === undefined || end === undefined)
    return [...findings, skipped('credential feed', 'its position is not told')]
  if (behindS > MAX_BEHIND_S)
    findings.push(
      problem(
        'credential feed',
        `the gateway has not heard of it for ${Math.round(behindS)} s`,
        'let CORE_INTERNAL_URL be reachable: revoked tokens stay good until it is',
      ),
    )
  else if (at > end)
    findings.push(
      problem(
        'credential feed',
        `the gateway is at ${at}, the core at ${end}`,
        'the database is an older one (a restore?): restart every gateway',
      ),
    )
  else if (at < end)
    findings.push(
      warning(
        'credential feed',
        `the gateway is ${end - at} changes behind`,
        'ask again; if it stays behind, see the gateway’s log',
      ),
    )
  else findings.push(ok('credential feed', `gateway and core are both at ${end}`))
  return findings
}

async function readMetrics(url: string): Promise<Map<string, number> | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(IN_TIME_MS) })
    const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    )
  } catch {
    return undefined
  }
}
