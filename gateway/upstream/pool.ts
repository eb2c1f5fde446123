import { steadyNow } from '../batch.ts'
import { GatewayError } from '../errors.ts'
import { type Lookup, lookupAll, parseUpstreamUrls, resolveOrigins } from './addresses.ts'
import type { ConnectionParts, UpstreamConnection } from './connection.ts'
import type { UpstreamFailure } from './failure.ts'
import type { CheckResult } from './health.ts'
import { checkReadiness } from './readiness-check.ts'
import { UPSTREAM_DEFAULTS, type UpstreamSettings } from './settings.ts'
import { Upstream, type UpstreamState, type UpstreamWatcher, type Waiter } from './upstream.ts'

/** `abandoned`: ended before the core had a chance to answer, by nobody's fault. */
export type TunnelOutcome = 'answered' | 'unreachable' | 'failed' | 'timeout' | 'abandoned'

/** Where a tunnel goes. `release` is called once, when the tunnel is over or could not be opened. */
export type UpstreamTarget = {
  readonly host: string
  readonly port: number
  readonly nodeId: string | undefined
  release(outcome: TunnelOutcome): void
}

export type UpstreamPool = {
  /** Finds the waiter a connection; calls it back at once where there is one, or may be one more. */
  acquire(waiter: Waiter): void
  /** The waiter has gone. */
  forget(waiter: Waiter): void
  /** An address for an upgrade. @throws GatewayError NO_UPSTREAM where there is none at all */
  pick(wish?: { nodeId?: string | undefined }): UpstreamTarget
  /** Whether some core is believed to take requests. */
  readonly isReady: boolean
  states(): UpstreamState[]
  /**
   * Other URLs from now on. What is under way at an address that is no longer named may end. Nothing has changed where
   * it throws: a URL is not valid.
   */
  setUrls(urls: readonly string[]): Promise<void>
  /** Looks at deadlines and starts the checks that are due; called by the pool itself every `sweepIntervalMs`. */
  sweep(): void
  /** Resolves names again; called by the pool itself every `resolveIntervalMs`. */
  resolve(): Promise<void>
  close(): void
}

export type PoolParts = { clock?: () => number; lookup?: Lookup }

const UNRESOLVED_RETRY_MS = 1_000

/** @throws Error where a URL is not valid; a name that cannot be resolved is not an error, it is tried again. */
export async function createUpstreamPool(
  urls: readonly string[],
  overrides: Partial<UpstreamSettings> = {},
  { clock = steadyNow, lookup = lookupAll }: PoolParts = {},
): Promise<UpstreamPool> {
  let origins = parseUpstreamUrls(urls)
  const settings = { ...UPSTREAM_DEFAULTS, ...overrides }
  const parts: ConnectionParts = { settings, clock }
  let upstreams: Upstream[] = []
  let retired: Upstream[] = []
  const byNodeId = new Map<string, Upstream>()
  const checks = new Map<Upstream, UpstreamConnection>()
  let nextResolveAtMs = 0
  let turn = 0
  let isClosed = false

  const watcher: UpstreamWatcher = {
    onFailure(upstream, failure) {
      report(upstream, failure)
    },
    onNodeId(upstream, nodeId) {
      if (upstream.isRetired) return
      forgetNode(upstream)
      upstream.nodeId = nodeId
      byNodeId.set(nodeId, upstream)
    },
  }

  function forgetNode(upstream: Upstream): void {
    if (upstream.nodeId !== undefined && byNodeId.get(upstream.nodeId) === upstream)
      byNodeId.delete(upstream.nodeId)
  }

  function report(upstream: Upstream, { cause }: UpstreamFailure): void {
    // A stale connection says little of its core, and a slow client nothing.
    if (cause === 'stale' || cause === 'client-timeout') return
    if (cause === 'timeout') upstream.health.doubted()
    else upstream.health.failed(isLast(upstream))
    moveOn(upstream)
  }

  const isLast = (upstream: Upstream): boolean =>
    !upstreams.some((other) => other !== upstream && other.health.rank <= upstream.health.rank)

  /** Those who wait at an ejected address are served by the others. */
  function moveOn(upstream: Upstream): void {
    if (upstream.health.state !== 'ejected') return
    for (const waiter of upstream.vacate()) acquire(waiter)
  }

  /** The best rank first, the least loaded of it; among equals each in turn. */
  function choose(
    nodeId: string | undefined,
    avoided: Upstream | undefined,
    load: (upstream: Upstream) => number,
  ): Upstream | undefined {
    const bound = nodeId === undefined ? undefined : byNodeId.get(nodeId)
    // The sessions of an ejected core are lost: another core says so, and the client begins anew.
    if (bound !== undefined && bound.health.state !== 'ejected') return bound
    let best: Upstream | undefined
    turn = turn + 1 < upstreams.length ? turn + 1 : 0
    for (let i = 0; i < upstreams.length; i++) {
      const next = upstreams[(turn + i) % upstreams.length]!
      if (next === avoided && upstreams.length > 1) continue
      if (best === undefined || next.health.rank < best.health.rank) best = next
      else if (next.health.rank === best.health.rank && load(next) < load(best)) best = next
    }
    return best
  }

  function acquire(waiter: Waiter): void {
    const upstream = isClosed ? undefined : choose(waiter.nodeId, waiter.avoided, requestsOf)
    if (upstream === undefined) waiter.onRefused()
    else upstream.serve(waiter)
  }

  function check(upstream: Upstream): void {
    const onResult = (result: CheckResult, nodeId: string | undefined): void => {
      checks.delete(upstream)
      upstream.health.checked(result, isLast(upstream))
      if (nodeId !== undefined) watcher.onNodeId(upstream, nodeId)
      moveOn(upstream)
    }
    checks.set(upstream, checkReadiness(upstream.address, parts, onResult))
  }

  function sweep(): void {
    if (isClosed) return
    const nowMs = clock()
    for (const upstream of [...upstreams, ...retired]) upstream.sweep(nowMs)
    for (const connection of checks.values()) if (connection.deadlineMs <= nowMs) connection.expire()
    for (const upstream of upstreams)
      if (upstream.health.nextCheckAtMs <= nowMs && !checks.has(upstream)) check(upstream)
    retired = retired.filter((upstream) => !upstream.isUnused)
    if (nextResolveAtMs <= nowMs) void resolve()
  }

  async function resolve(): Promise<void> {
    nextResolveAtMs = clock() + settings.resolveIntervalMs
    const known = (authority: string): string[] =>
      upstreams.filter(({ address }) => address.authority === authority).map(({ address }) => address.host)
    const addresses = await resolveOrigins(origins, lookup, known)
    if (isClosed) return
    if (addresses.size === 0) nextResolveAtMs = clock() + UNRESOLVED_RETRY_MS
    const gone = upstreams.filter(({ name }) => !addresses.has(name))
    const kept = upstreams.filter(({ name }) => addresses.delete(name))
    upstreams = [...kept, ...[...addresses.values()].map((address) => new Upstream(address, watcher, parts))]
    for (const upstream of gone) retire(upstream)
    sweep()
  }

  function retire(upstream: Upstream): void {
    upstream.isRetired = true
    forgetNode(upstream)
    checks.get(upstream)?.destroy()
    checks.delete(upstream)
    retired.push(upstream)
    for (const waiter of upstream.vacate()) acquire(waiter)
  }

  await resolve()
  const timer = setInterval(sweep, settings.sweepIntervalMs).unref()

  return {
    acquire,
    forget(waiter) {
      for (const upstream of [...upstreams, ...retired]) upstream.forget(waiter)
    },
    pick({ nodeId } = {}) {
      const upstream = isClosed ? undefined : choose(nodeId, undefined, tunnelsOf)
      if (upstream === undefined) throw new GatewayError('NO_UPSTREAM')
      upstream.tunnels++
      let isReleased = false
      return {
        host: upstream.address.host,
        port: upstream.address.port,
        nodeId: upstream.nodeId,
        release(outcome) {
          if (isReleased) return
          isReleased = true
          upstream.tunnels--
          if (outcome === 'answered') upstream.health.answered()
          else if (outcome !== 'abandoned') report(upstream, { cause: CAUSES[outcome] })
        },
      }
    },
    get isReady() {
      return upstreams.some(({ health }) => health.state === 'healthy' || health.state === 'suspicious')
    },
    states: () => upstreams.map(({ state }) => state),
    setUrls(next) {
      origins = parseUpstreamUrls(next)
      return resolve()
    },
    sweep,
    resolve,
    close() {
      isClosed = true
      clearInterval(timer)
      for (const connection of checks.values()) connection.destroy()
      for (const upstream of [...upstreams, ...retired]) upstream.close()
    },
  }
}

const requestsOf = (upstream: Upstream): number => upstream.outstanding
const tunnelsOf = (upstream: Upstream): number => upstream.tunnels

const CAUSES = { unreachable: 'connect', failed: 'closed', timeout: 'timeout' } as const
