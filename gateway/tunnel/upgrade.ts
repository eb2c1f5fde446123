import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Tracer } from '#contract/tracer.ts'
import { createAfterwards } from '../afterwards.ts'
import type { Origin } from '../authn/authenticator.ts'
import { type ErrorCode, errorEntry } from '../errors.ts'
import type { FieldLine } from '../headers/field-lines.ts'
import { replyErrorRaw } from '../http/error-reply.ts'
import type { RequestTrace } from '../observe/request-traces.ts'
import type { Admission, Admit } from '../pipeline.ts'
import type { UpstreamTarget } from '../upstream/pool.ts'
import { upgradeRefusal } from './clean-upgrade.ts'
import { createExchange } from './exchange.ts'
import { TUNNEL_LIMITS, type TunnelLimits } from './limits.ts'
import { type OpeningParts, openTunnel } from './opening.ts'
import { createPollingExchange, type PollingExchange } from './polling-exchange.ts'
import { nodeIdOf, readPollingQuery } from './polling-query.ts'
import { createPollingSessions, type PollingSessions } from './polling-sessions.ts'
import { createRegistry, type Registry } from './registry.ts'

export { isCleanUpgrade, upgradeRefusal } from './clean-upgrade.ts'

export type TunnelsParts = {
  admit: Admit
  pick(wish: { nodeId: string | undefined }): UpstreamTarget
  clock: () => number
  /** Measures durations: it never steps. Default: `clock`. */
  steadyClock?: () => number
  /** Every refusal, with its cause where something is broken: for metrics and the log. */
  refused(code: ErrorCode, cause?: unknown): void
  limits?: Partial<TunnelLimits>
  /** Where authentications inside sockets are traced. */
  tracer?: Tracer | undefined
}

/** An upgrade that has been normalised and admitted. */
export type UpgradeRequest = {
  req: IncomingMessage
  socket: Socket
  head: Buffer
  admission: Extract<Admission, { ok: true }>
  origin: Origin
  /** Path and query as they are forwarded. */
  target: string
  host: string
  /** End-to-end fields, with the identity injected. */
  fields: readonly FieldLine[]
  /** Fields for answers other than 101. */
  responseFields?: readonly string[]
  /** Ended when the tunnel is open, or will not be. */
  trace?: RequestTrace | undefined
}

export type Tunnels = {
  upgrade(request: UpgradeRequest): void
  exchangePollingBody: PollingExchange
  sessions: PollingSessions
  registry: Registry
  close(): void
}

/** A turn with so many takes about a millisecond. */
const LEFT_PER_TURN = 50

/** Sockets, and what long-polling shares with them. */
export function createTunnels(parts: TunnelsParts): Tunnels {
  const limits = { ...TUNNEL_LIMITS, ...parts.limits }
  const { clock, steadyClock = clock, refused } = parts
  const sessions = createPollingSessions(clock, { steadyClock })
  const registry = createRegistry({ clock, steadyClock, limits, sessions })
  const exchange = createExchange({
    admit: parts.admit,
    revocations: registry.revocations,
    lookupTimeoutMs: limits.lookupTimeoutMs,
    refused,
    tracer: parts.tracer,
  })
  const opening: OpeningParts = {
    exchange,
    registry,
    limits,
    clock,
    leaving: createAfterwards((tunnel) => tunnel.leaveCore(), LEFT_PER_TURN),
    refused,
    pick: parts.pick,
  }

  return {
    upgrade(request) {
      const { req, socket, admission, responseFields = [] } = request
      socket.setTimeout(0)
      socket.setNoDelay(true)
      const query = readPollingQuery(request.target)
      const sid = 'sid' in query ? query.sid : undefined
      const refusal =
        upgradeRefusal(req) ??
        ('refused' in query ? query.refused : undefined) ??
        (sid !== undefined && sessions.isRevoked(sid) ? 'INVALID_TOKEN' : undefined)
      if (refusal !== undefined) {
        socket.on('error', () => socket.destroy())
        refused(refusal)
        request.trace?.failed(refusal)
        request.trace?.end(errorEntry(refusal).status)
        replyErrorRaw(socket, refusal, responseFields)
        return
      }
      const named = admission.identity.kind === 'anonymous' ? undefined : admission.identity
      // A session that has authenticated by polling takes its identity along.
      const identity = named ?? (sid === undefined ? undefined : sessions.identityOf(sid))
      const app = admission.identity.app ?? request.origin.app
      openTunnel(
        {
          client: socket,
          head: request.head,
          handshake: {
            target: request.target,
            host: request.host,
            fields: request.fields,
            key: req.headers['sec-websocket-key'] ?? '',
            protocols: req.headers['sec-websocket-protocol'],
          },
          nodeId: sid === undefined ? undefined : nodeIdOf(sid),
          sid,
          identity,
          origin: { ...request.origin, app },
          responseFields,
          trace: request.trace,
        },
        opening,
      )
    },
    exchangePollingBody: createPollingExchange({
      exchange,
      limits,
      sessions: {
        isRevoked: sessions.isRevoked,
        bind(sid, identity) {
          sessions.bind(sid, identity)
          registry.bindSession(sid, identity)
        },
      },
    }),
    sessions,
    registry,
    close() {
      registry.close()
    },
  }
}
