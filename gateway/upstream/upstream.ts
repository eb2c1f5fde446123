import { authorityOf, type UpstreamAddress } from './addresses.ts'
import { type ConnectionOwner, type ConnectionParts, UpstreamConnection } from './connection.ts'
import type { UpstreamFailure } from './failure.ts'
import { type HealthState, UpstreamHealth } from './health.ts'
import type { ResponseHead } from './response-head.ts'

/** Waits for a connection. Exactly one of its two calls comes, possibly at once. */
export type Waiter = {
  /** The core to prefer, by its node id. */
  readonly nodeId: string | undefined
  /** Only a connection that has served nobody yet will do. */
  readonly isFresh: boolean
  /** An address not to go to again, if there is another. */
  readonly avoided: Upstream | undefined
  /** Kept by the queue. */
  waitsUntilMs: number
  onConnection(connection: UpstreamConnection, upstream: Upstream): void
  /** No upstream, a full queue, or waited too long. */
  onRefused(): void
}

export type UpstreamState = {
  name: string
  state: HealthState
  /** Requests on the way or waiting. */
  outstanding: number
  connections: number
  queued: number
  tunnels: number
  ejections: number
  nodeId: string | undefined
}

/** What the pool wants to know of its upstreams. */
export type UpstreamWatcher = {
  onFailure(upstream: Upstream, failure: UpstreamFailure): void
  onNodeId(upstream: Upstream, nodeId: string): void
}

/** One address: its connections, the requests that wait for one, and its health. */
export class Upstream implements ConnectionOwner {
  readonly address: UpstreamAddress
  readonly name: string
  readonly health: UpstreamHealth
  nodeId: string | undefined
  tunnels = 0
  /** No longer in the configuration's names; what is under way may end. */
  isRetired = false
  readonly #parts: ConnectionParts
  readonly #watcher: UpstreamWatcher
  readonly #connections = new Set<UpstreamConnection>()
  /** The last used on top: the others get a chance to idle out. */
  readonly #idle: UpstreamConnection[] = []
  readonly #queue: Waiter[] = []

  constructor(address: UpstreamAddress, watcher: UpstreamWatcher, parts: ConnectionParts) {
    this.address = address
    this.name = authorityOf(address.host, address.port)
    this.health = new UpstreamHealth(parts.settings, parts.clock)
    this.#watcher = watcher
    this.#parts = parts
  }

  get outstanding(): number {
    return this.#connections.size - this.#idle.length + this.#queue.length
  }

  get isUnused(): boolean {
    return this.#connections.size === 0 && this.#queue.length === 0
  }

  get state(): UpstreamState {
    return {
      name: this.name,
      state: this.health.state,
      outstanding: this.outstanding,
      connections: this.#connections.size,
      queued: this.#queue.length,
      tunnels: this.tunnels,
      ejections: this.health.ejections,
      nodeId: this.nodeId,
    }
  }

  serve(waiter: Waiter): void {
    const { maxConnections, maxQueued, queueTimeoutMs } = this.#parts.settings
    const nowMs = this.#parts.clock()
    if (!waiter.isFresh) {
      for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
        if (idle.deadlineMs > nowMs) {
          waiter.onConnection(idle, this)
          return
        }
        idle.destroy()
      }
    } else if (this.#connections.size >= maxConnections) this.#idle[0]?.destroy()
    if (this.#connections.size < maxConnections) waiter.onConnection(this.#open(), this)
    else if (this.#queue.length < maxQueued) {
      waiter.waitsUntilMs = nowMs + queueTimeoutMs
      this.#queue.push(waiter)
    } else waiter.onRefused()
  }

  /** The waiter has gone. */
  forget(waiter: Waiter): void {
    const at = this.#queue.indexOf(waiter)
    if (at !== -1) this.#queue.splice(at, 1)
  }

  /** Takes all who wait, to be served elsewhere, and closes what is idle. */
  vacate(): Waiter[] {
    const waiters = this.#queue.splice(0)
    for (const connection of this.#idle.splice(0)) connection.destroy()
    return waiters
  }

  /** Ends what has taken too long. */
  sweep(nowMs: number): void {
    for (const connection of this.#connections) if (connection.deadlineMs <= nowMs) connection.expire()
    // All wait equally long, so the first in the queue is the first to give up.
    while (this.#queue[0] !== undefined && this.#queue[0].waitsUntilMs <= nowMs)
      this.#queue.shift()?.onRefused()
  }

  close(): void {
    for (const waiter of this.#queue.splice(0)) waiter.onRefused()
    for (const connection of this.#connections) connection.destroy()
  }

  onHead(head: ResponseHead): void {
    this.health.answered()
    if (head.nodeId !== undefined && head.nodeId !== this.nodeId) this.#watcher.onNodeId(this, head.nodeId)
  }

  onFailure(failure: UpstreamFailure): void {
    this.#watcher.onFailure(this, failure)
  }

  onIdle(connection: UpstreamConnection): void {
    if (this.isRetired) {
      connection.destroy()
      return
    }
    const next = this.#queue[0]
    if (next === undefined) this.#idle.push(connection)
    else if (next.isFresh) connection.destroy()
    else {
      this.#queue.shift()
      next.onConnection(connection, this)
    }
  }

  onClosed(connection: UpstreamConnection): void {
    this.#connections.delete(connection)
    const at = this.#idle.lastIndexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    if (this.#queue.length > 0 && this.#connections.size < this.#parts.settings.maxConnections)
      this.#queue.shift()?.onConnection(this.#open(), this)
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(this.address, this, this.#parts)
    this.#connections.add(connection)
    return connection
  }
}
