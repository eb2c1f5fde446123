import { PassThrough } from 'node:stream'
import type { Identity } from '#contract/identity.ts'
import { parseSigningKeys, verifyIdentity } from '#contract/signature.ts'
import type { GatewayConfig } from '../../gateway/config.ts'
import { parseConfig } from '../../gateway/config.ts'
import { buildGateway } from '../../gateway/gateway.ts'
import { createLog } from '../../gateway/observe/log.ts'
import { startCoreStandIn } from '../gateway/authn/core-stand-in.ts'
import type { Scope } from './child-process.ts'
import { type RecordedRequest, type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'
import { UNLIMITED_RATES } from './unlimited.ts'

const IDENTITY_KEYS = `test:${Buffer.alloc(32, 7).toString('base64url')}`

export const GOOD = ['IM-Client-Key: demo_clientkey', 'IM-Authorization: ada-token'] as const
export const PLATFORM = ['IM-API-KEY: demo_apikey'] as const

/**
 * The real gateway in this process, before an upstream that records every byte and a user store in memory: one
 * app with user `ada`, and a second app of its own. For tests that assert what the core received.
 */
export async function startGateway(
  t: Scope,
  options: { env?: Record<string, string>; upstream?: RecordingUpstream } = {},
) {
  const upstream = options.upstream ?? (await startRecordingUpstream(t))
  const core = await startCoreStandIn(t)
  const { store } = core
  store.addApp('demo')
  store.addKey('client-key', 'demo', 'demo_clientkey')
  store.addKey('platform-key', 'demo', 'demo_apikey')
  store.bind('demo', 'ada-token', 'ada')
  store.addApp('other')
  store.addKey('client-key', 'other', 'other_clientkey')
  store.addKey('platform-key', 'other', 'other_apikey')
  store.bind('other', 'eve-token', 'eve')

  const logged: string[] = []
  const sink = new PassThrough().on('data', (line) => logged.push(String(line)))
  const env = {
    CORE_URLS: upstream.url,
    CORE_INTERNAL_URL: core.url,
    IDENTITY_KEYS,
    ...UNLIMITED_RATES,
    GATEWAY_PORT: '0',
    GATEWAY_ADMIN_PORT: '0',
    // Every test here can be run against either way through the gateway (attacks/by-node.test.ts).
    ...(process.env.FAST_LANE && { FAST_LANE: process.env.FAST_LANE }),
    ...options.env,
  }
  const config: GatewayConfig = parseConfig(env)
  const gateway = await buildGateway(config, { log: createLog('debug', sink) })
  t.teardown(() => gateway.close())
  return {
    ...gateway,
    core,
    store,
    upstream,
    /** Everything logged so far. */
    log: () => logged.join(''),
    /** As after an edit of the configuration. */
    reloadWith: (changed: Record<string, string>) =>
      gateway.reload(() => parseConfig({ ...env, ...changed })),
    metrics: async () => (await fetch(`${gateway.adminUrl}/metrics`)).text(),
  }
}

export type TestGateway = Awaited<ReturnType<typeof startGateway>>

/** The identity that a recorded request carried; throws unless it carried exactly one, and a valid one. */
export function identityOf(request: RecordedRequest): Identity {
  const values = request.values('im-identity')
  if (values.length !== 1) throw new Error(`${values.length} identities: ${request.head}`)
  const verified = verifyIdentity(values[0], parseSigningKeys(IDENTITY_KEYS), Date.now())
  if ('refused' in verified) throw new Error(`identity refused: ${verified.refused}`)
  return verified.identity
}
