import type { Socket } from 'node:net'
import { createAfterwards } from '../../afterwards.ts'
import { epochNow } from '../../batch.ts'
import type { ClientRequest, ClientResponse } from '../../upstream/client-exchange.ts'
import { LaneConnection, type LaneConnectionParts } from './connection.ts'

export type Lane = {
  /** A connection from its beginning. */
  serve(socket: Socket): void
  /** From now on answers close their connections. */
  drain(): void
  /** From now on a connection without an answer due is closed. */
  closeIdle(): void
  /** Looks for connections that have been idle for too long; called by itself every second. */
  sweep(): void
  close(): void
}

export type LaneParts = {
  /** `node:http` serves a connection from here on. */
  toNode(socket: Socket): void
  takes(path: string): boolean
  serve(req: ClientRequest, res: ClientResponse): void
  answered(status: number, seconds: number): void
  /** A connection that never sent anything. */
  onSilent(socket: Socket): void
  headersTimeoutMs: number
  keepAliveTimeoutMs: number
  clock: () => number
}

const SWEEP_INTERVAL_MS = 1_000
/** Each costs as much as a request. */
const CLOSED_PER_TURN = 8

/**
 * The fast lane: stands before `node:http`, and serves by itself what nearly all traffic is, through the same code as
 * the rest of it. `node:http` costs more than all that the gateway does (docs/performance.md).
 */
export function createLane(parts: LaneParts): Lane {
  const { clock } = parts
  const connections = new Set<LaneConnection>()
  let dateSecond = 0
  let date = ''

  const common: LaneConnectionParts = {
    takes: parts.takes,
    serve: parts.serve,
    clock,
    isDraining: false,
    isClosingIdle: false,
    keepAliveField: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(parts.keepAliveTimeoutMs / 1_000)}\r\n`,
    date() {
      const now = epochNow()
      const second = Math.floor(now / 1_000)
      if (second !== dateSecond) {
        dateSecond = second
        date = new Date(now).toUTCString()
      }
      return date
    },
    answered: parts.answered,
    handOver(connection, received) {
      const { socket } = connection
      connections.delete(connection)
      connection.release()
      socket.pause()
      socket.unshift(Buffer.from(received, 'latin1'))
      parts.toNode(socket)
      socket.resume()
    },
    onClosed: (connection) => connections.delete(connection),
  }

  function sweep(): void {
    const nowMs = clock()
    for (const connection of connections) if (isOverdue(connection, nowMs)) closing.add(connection)
  }

  function isOverdue({ isIdle, hasServed, idleSinceMs }: LaneConnection, nowMs: number): boolean {
    const allowedMs = hasServed ? parts.keepAliveTimeoutMs : parts.headersTimeoutMs
    return isIdle && nowMs - idleSinceMs > allowedMs
  }

  /** Thousands may have come at once to say nothing; whoever has something to say does not wait for their end. */
  const closing = createAfterwards((connection: LaneConnection) => {
    if (!isOverdue(connection, clock())) return
    if (connection.hasServed) connection.socket.destroy()
    else parts.onSilent(connection.socket)
  }, CLOSED_PER_TURN)

  const timer = setInterval(sweep, SWEEP_INTERVAL_MS).unref()

  return {
    serve(socket) {
      connections.add(new LaneConnection(socket, common))
    },
    drain() {
      common.isDraining = true
      for (const connection of connections) connection.closeAfterAnswer()
    },
    closeIdle() {
      common.isClosingIdle = true
      for (const connection of connections) if (connection.isIdle) connection.close()
    },
    sweep,
    close() {
      clearInterval(timer)
    },
  }
}
