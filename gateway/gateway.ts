import { X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { openTracer } from '#contract/tracer.ts'
import { VERSION } from '#contract/version.ts'
import { createAuthn } from './authn/authn.ts'
import { epochNow, steadyNow } from './batch.ts'
import type { DrainTimes, GatewayConfig } from './config.ts'
import { errorEntry } from './errors.ts'
import { buildAdminServer } from './http/admin-server.ts'
import { buildDemo } from './http/demo-routes.ts'
import { createForwarding } from './http/forwarding.ts'
import { createPolling } from './http/polling.ts'
import { buildPublicServer } from './http/public-server.ts'
import { createRequestIds } from './http/request-id.ts'
import { createRequests } from './http/requests.ts'
import { createUpgrades } from './http/upgrades.ts'
import { createRateLimits } from './limits/rate-limits.ts'
import { createSharedRates } from './limits/shared-rates.ts'
import { createAudit } from './observe/audit.ts'
import type { Logger } from './observe/log.ts'
import { createMetrics } from './observe/metrics.ts'
import { observeParts } from './observe/observe-parts.ts'
import { createRequestTraces } from './observe/request-traces.ts'
import { createPipeline } from './pipeline.ts'
import { createReload, type Reload } from './reload.ts'
import { isCleanUpgrade } from './tunnel/clean-upgrade.ts'
import { followChanges } from './tunnel/follow-changes.ts'
import { createTunnels } from './tunnel/upgrade.ts'
import { createForward } from './upstream/forward.ts'
import { createUpstreamPool } from './upstream/pool.ts'

export type Gateway = {
  publicUrl: string
  adminUrl: string
  /** Takes over what may change while running, without touching a live tunnel. */
  reload: Reload
  /** Not ready, then no new connections, then requests and tunnels to their end, then frees everything. */
  close(how?: 'drain' | 'now'): Promise<void>
}

export type GatewayParts = { log: Logger; clock?: () => number }

/** An answer that changed credentials waits this long for the feed, so that the next request meets the change. */
const HOLD_MS = 1_000
const MAX_POLLING_BODY_BYTES = 1_048_576
const AT_ONCE: DrainTimes = { delayMs: 0, windowMs: 0, timeoutMs: 5_000 }

/** Wires the gateway and listens. @throws where a port is taken or an address cannot be bound. */
export async function buildGateway(config: GatewayConfig, { log, ...parts }: GatewayParts): Promise<Gateway> {
  const { clock = epochNow } = parts
  /** For durations: the time of day steps when it was wrong, and a pause must not last until then. */
  const steadyClock = parts.clock ?? steadyNow
  /** What it goes by at the moment; read where it is needed, replaced by a reload. */
  const settings = { ...config }
  const metrics = createMetrics()
  const audit = createAudit(log, clock)
  const requestIds = createRequestIds()
  const tracer =
    config.tracing &&
    (await openTracer(config.tracing, {
      version: VERSION,
      onLost: (err) => log.warn({ err, reason: 'TRACES_LOST' }, 'spans could not be sent'),
    }))
  const traces = tracer && createRequestTraces(tracer)

  const limits = createRateLimits({
    settings: config.rates,
    clock: steadyClock,
    isShared: config.redisUrl !== undefined,
  })
  const shared =
    config.redisUrl === undefined ? undefined : createSharedRates({ url: config.redisUrl, limits, log })
  const authn = createAuthn({
    coreInternalUrl: config.coreInternalUrl,
    redisUrl: config.redisUrl,
    privateUpstreams: config.privateUpstreams,
    lookupBudget: limits.lookup,
    clock,
    steadyClock,
    log,
    observe: metrics.counted,
    tracer,
  })
  const { admit } = createPipeline({
    authenticate: authn.authenticate,
    signingKeys: () => settings.signingKeys,
    limits,
    clock,
  })

  const pool = await createUpstreamPool(config.coreUrls)
  const tunnels = createTunnels({
    admit,
    pick: pool.pick,
    clock,
    tracer,
    steadyClock,
    refused(code, cause) {
      metrics.refused(code)
      if (errorEntry(code).status >= 500) log.warn({ reason: code, err: cause }, 'socket failed')
    },
  })
  const follower = followChanges(authn.feed, tunnels.registry, log)

  const forward = createForwarding({
    forward: createForward(pool, { maxBodyBytes: config.server.maxBodyBytes }),
    reached: (position) => authn.feed.reached(position, HOLD_MS),
  })
  const polling = createPolling({ forward, tunnels, limits, maxBodyBytes: MAX_POLLING_BODY_BYTES })
  const demoPool = config.demoUrl === undefined ? undefined : await createUpstreamPool([config.demoUrl])
  const demo = demoPool && (await buildDemo(createForward(demoPool)))
  const common = { admit, settings, requestIds, metrics, audit, traces, log }
  const publicServer = buildPublicServer({
    serve: createRequests({ ...common, forward, polling, demo }),
    upgrade: createUpgrades({ ...common, tunnels }),
    isCleanUpgrade,
    // Sockets need more than an answer, and the demo is Node's own objects'.
    laneTakes: config.fastLane
      ? (path) => !path.startsWith('/socket.io') && !(demo?.isDemoPath(path) ?? false)
      : undefined,
    tls: config.tls,
    limits: config.server,
    settings,
    metrics,
  })

  let isDraining = false
  const adminServer = buildAdminServer({
    registry: metrics.registry,
    upstreams: pool.states,
    hosts: [config.adminHost],
    clock,
    log,
    unreadiness() {
      if (isDraining) return 'draining'
      if (authn.feed.state() === 'stale') return 'the credential feed of the core cannot be followed'
      return pool.isReady ? undefined : 'no core can be reached'
    },
  })
  observeParts(metrics, {
    authn,
    pool,
    tunnels,
    limits,
    publicServer,
    certificateEndMs: () => settings.tls && Date.parse(new X509Certificate(settings.tls.cert).validTo),
  })

  async function apply(next: GatewayConfig): Promise<void> {
    if (next.tls !== undefined) publicServer.setCertificate(next.tls)
    await pool.setUrls(next.coreUrls)
    limits.reconfigure(next.rates)
    log.level = next.logLevel
    Object.assign(settings, next)
  }

  async function close(how: 'drain' | 'now' = 'now'): Promise<void> {
    const { delayMs, windowMs, timeoutMs } = how === 'drain' ? settings.drain : AT_ONCE
    isDraining = true
    if (delayMs > 0) await delay(delayMs)
    await Promise.all([
      publicServer.drain({ windowMs, timeoutMs }),
      tunnels.registry.closeAll({ windowMs: Math.min(windowMs, timeoutMs) }),
    ])
    follower.close()
    tunnels.close()
    pool.close()
    demoPool?.close()
    shared?.close()
    await Promise.all([authn.close(), adminServer.close(), demo?.close(), tracer?.close()])
  }

  try {
    return {
      publicUrl: await publicServer.listen(config),
      adminUrl: await listen(adminServer, config.adminHost, config.adminPort),
      reload: createReload({ started: config, apply, metrics, log }),
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
