import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { createAuthn } from './authn/authn.ts'
import type { GatewayConfig } from './config.ts'
import { errorEntry } from './errors.ts'
import { buildAdminServer } from './http/admin-server.ts'
import { addDemoRoutes, isDemoPath } from './http/demo-routes.ts'
import { createForwarding } from './http/forwarding.ts'
import { createPolling } from './http/polling.ts'
import { buildPublicServer } from './http/public-server.ts'
import { createRequestIds } from './http/request-id.ts'
import { createRequests } from './http/requests.ts'
import { createUpgrades } from './http/upgrades.ts'
import type { Logger } from './observe/log.ts'
import { createMetrics } from './observe/metrics.ts'
import { observeParts } from './observe/observe-parts.ts'
import { createPipeline } from './pipeline.ts'
import { isCleanUpgrade } from './tunnel/clean-upgrade.ts'
import { followChanges } from './tunnel/follow-changes.ts'
import { createTunnels } from './tunnel/upgrade.ts'
import { createForward } from './upstream/forward.ts'
import { createUpstreamPool } from './upstream/pool.ts'

export type Gateway = {
  publicUrl: string
  adminUrl: string
  /** Stops accepting, closes tunnels over the window, lets requests finish, then frees everything. */
  close(options?: { windowMs: number }): Promise<void>
}

export type GatewayParts = { log: Logger; clock?: () => number }

/** An answer that changed credentials waits this long for the feed, so that the next request meets the change. */
const HOLD_MS = 1_000
const MAX_POLLING_BODY_BYTES = 1_048_576

/** Wires the gateway and listens. @throws where a port is taken or an address cannot be bound. */
export async function buildGateway(
  config: GatewayConfig,
  { log, clock = Date.now }: GatewayParts,
): Promise<Gateway> {
  const { corsOrigins, trustedProxies } = config
  const metrics = createMetrics()
  const requestIds = createRequestIds()

  const authn = createAuthn({
    coreInternalUrl: config.coreInternalUrl,
    redisUrl: config.redisUrl,
    privateUpstreams: config.privateUpstreams,
    clock,
    log,
    observe: metrics.counted,
  })
  const { admit } = createPipeline({
    authenticate: authn.authenticate,
    signingKeys: () => config.signingKeys,
    clock,
  })

  const pool = await createUpstreamPool(config.coreUrls)
  const tunnels = createTunnels({
    admit,
    pick: pool.pick,
    clock,
    refused(code, cause) {
      metrics.refused(code)
      if (errorEntry(code).status >= 500) log.warn({ reason: code, err: cause }, 'socket failed')
    },
  })
  const follower = followChanges(authn.feed, tunnels.registry, log)

  const forward = createForwarding({
    forward: createForward(pool),
    reached: (position) => authn.feed.reached(position, HOLD_MS),
  })
  const polling = createPolling({ forward, tunnels, maxBodyBytes: MAX_POLLING_BODY_BYTES })
  const common = { admit, corsOrigins, trustedProxies, requestIds, metrics, log }
  const publicServer = buildPublicServer({
    requests: createRequests({
      ...common,
      forward,
      polling,
      isOwn: config.demoUrl === undefined ? () => false : isDemoPath,
    }),
    upgrade: createUpgrades({ ...common, tunnels }),
    isCleanUpgrade,
    corsOrigins,
    metrics,
  })
  const demoPool = config.demoUrl === undefined ? undefined : await createUpstreamPool([config.demoUrl])
  if (demoPool !== undefined) addDemoRoutes(publicServer, createForward(demoPool))

  let draining = false
  const adminServer = buildAdminServer({
    registry: metrics.registry,
    unreadiness() {
      if (draining) return 'draining'
      if (authn.feed.state() === 'stale') return 'the credential feed of the core cannot be followed'
      return pool.isReady ? undefined : 'no core can be reached'
    },
  })
  observeParts(metrics, { authn, pool, tunnels })

  async function close({ windowMs } = { windowMs: 0 }): Promise<void> {
    draining = true
    const stopped = publicServer.close()
    await tunnels.registry.closeAll({ windowMs })
    await stopped
    follower.close()
    tunnels.close()
    pool.close()
    demoPool?.close()
    await Promise.all([authn.close(), adminServer.close()])
  }

  try {
    return {
      publicUrl: await listen(publicServer, config.host, config.port),
      adminUrl: await listen(adminServer, config.adminHost, config.adminPort),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port })
  const { address, port: bound, family } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
}
