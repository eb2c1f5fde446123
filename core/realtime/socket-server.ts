import { randomBytes } from 'node:crypto'
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Server, type Socket } from 'socket.io'
import type { Identity } from '#contract/identity.ts'
import type { CredentialChange } from '#contract/internal.ts'
import { CONNECT_IDENTITY_KEY } from '#contract/socket-auth.ts'
import type { Tracer } from '#contract/tracer.ts'
import { followUpKey, type Publish } from '../chat/events.ts'
import type { ChatOperations } from './chat-operations.ts'
import { buildClientListener } from './client-events.ts'
import { type Broadcast, createCluster } from './cluster.ts'
import { createDelivery } from './delivery.ts'
import { forgetRequest } from './forget-request.ts'
import { createGate, type Verifier } from './handshake.ts'
import { DEFAULT_LIMITS, type RealtimeLimits } from './limits.ts'
import { createLocalSockets, type LocalSockets } from './live-sockets.ts'
import { createMembership } from './membership.ts'
import { createPositionChecks } from './positions.ts'
import { createRevocations } from './revocations.ts'
import { createSessions, type Session } from './sessions.ts'
import { createSocketAuthentication } from './socket-authentication.ts'
import { createSocketTraces } from './socket-traces.ts'
import { createTokenBucket } from './token-bucket.ts'
import { boundUnsent } from './unsent.ts'
import { toBroadcast } from './wire-events.ts'

export type SocketServerParts = {
  server: HttpServer
  verifier: Verifier
  chat: ChatOperations
  feed: { subscribe(listener: (change: CredentialChange) => void): () => void }
  log: Logger
  /** Begins every Engine.IO session id: gateways route long-polling by it. */
  nodeId: string
  redisUrl?: string | undefined
  /** Called with the `followUpKey` of every event that this core tells, or hears another tell. */
  onTold?: (key: string) => void
  clock: () => number
  limits?: Partial<RealtimeLimits>
  tracer?: Tracer | undefined
}

export type Realtime = {
  publish: Publish
  connectionCount(): number
  connectionsByApp(): ReadonlyMap<string, number>
  /** Of this core alone. */
  sockets: LocalSockets
  /** Events that overcrowded rooms did not get; their readers see the gap in `seq`. */
  droppedCount(): number
  /** Whether this core hears the others; undefined where there is no Redis. */
  linked(): boolean | undefined
  close(): Promise<void>
}

const CLOSE_SLICES = 20
/** Of those that a revocation ends, in one turn of the event loop, and between two turns. */
const CUT_AT_ONCE = 50
const CUT_PAUSE_MS = 5

/**
 * The sockets of one core. It never sends a Socket.IO DISCONNECT packet, to which shipped clients answer with
 * hundreds of reconnections: a bad identity leaves a socket anonymous, and what must end, ends below Socket.IO.
 */
export function createSocketServer(parts: SocketServerParts): Realtime {
  const { server, verifier, chat, feed, log, nodeId, redisUrl, clock } = parts
  const limits = { ...DEFAULT_LIMITS, ...parts.limits }
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(nodeId)) throw new Error('a node id has letters, digits, _ and - only')

  const sessions = createSessions(clock)
  const revocations = createRevocations(clock)
  const membership = createMembership(sessions, (app, userId) => chat.roomIdsOf(app, userId))
  const checks = createPositionChecks({ sessions, membership, chat, limits, log })
  const authentication = createSocketAuthentication({
    positionsOf: checks.current,
    verifier,
    revocations,
    sessions,
    membership,
    recordLogin: (app, userId, from) => chat.recordLogin(app, userId, from),
    clock,
    log,
  })
  const trace = parts.tracer && createSocketTraces(parts.tracer)
  let closing = false

  const io = new Server(server, {
    path: '/socket.io/',
    transports: ['websocket', 'polling'],
    allowEIO3: true,
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    pingInterval: limits.pingIntervalMs,
    pingTimeout: limits.pingTimeoutMs,
    maxHttpBufferSize: limits.maxPayloadBytes,
  })
  const delivery = createDelivery(io.of('/'), limits)
  const gate = createGate(verifier, sessions, () => closing, limits.maxConnections)
  const sessionIds = new WeakMap<IncomingMessage, string>()
  const sessionsByConn = new WeakMap<Socket['conn'], Session>()

  function cut(session: Session): void {
    membership.leave(session)
    sessions.close(session)
    // Discarding what is unsent: a reader that doesn't read must not keep its session by that.
    session.conn.close(true)
  }

  /**
   * Nothing reaches any of them from now on, nor comes in. Of thousands the connections end a few at a time: the
   * gateways, which follow the same feed, cut their clients meanwhile, and everybody else is served.
   */
  async function cutAll(ended: readonly Session[]): Promise<void> {
    for (const session of ended) {
      membership.leave(session)
      sessions.close(session)
    }
    for (let start = 0; start < ended.length; start += CUT_AT_ONCE) {
      if (start > 0) await delay(CUT_PAUSE_MS)
      for (const { conn } of ended.slice(start, start + CUT_AT_ONCE)) conn.close(true)
    }
  }

  function apply(broadcast: Broadcast): void {
    if (broadcast.key !== undefined) parts.onTold?.(broadcast.key)
    if ('movement' in broadcast) membership.move(broadcast.movement)
    else delivery.deliver(broadcast.announcement)
  }

  const cluster =
    redisUrl === undefined
      ? undefined
      : createCluster({ redisUrl, log, receive: apply, onLinked: () => void catchUp() })

  /** Memberships that moved while this core heard nothing. One session after the other, to spare the database. */
  async function catchUp(): Promise<void> {
    for (const session of [...sessions.all()]) {
      if (closing || !session.open) continue
      await membership.enter(session).catch((err: unknown) => {
        log.warn({ err, reason: 'ROOMS_UNREAD' }, 'the rooms of a socket could not be read again')
      })
    }
  }

  const listenToClient = buildClientListener({ authentication, membership, chat, cut, log, trace })

  io.engine.use(gate.check)
  io.engine.generateId = (request) => {
    const id = `${nodeId}.${randomBytes(18).toString('base64url')}`
    sessionIds.set(request, id)
    return id
  }

  io.engine.on('connection', (conn: Socket['conn']) => {
    const handshake = gate.visitorOf(conn.request)
    const id = sessionIds.get(conn.request)
    if (handshake === undefined || id === undefined) return conn.close(true)
    const session = sessions.open(id, conn, handshake)
    sessionsByConn.set(conn, session)
    conn.on('close', () => sessions.close(session))
    boundUnsent(conn, limits.maxUnsentBytes, () => {
      log.warn({ reason: 'SLOW_READER' }, 'a socket that does not read was ended')
      cut(session)
    })
  })

  io.on('connection', (socket) => {
    const session = sessionsByConn.get(socket.conn)
    if (session === undefined || !session.open) return socket.conn.close(true)
    session.socket = socket
    listenToClient(socket, session, createTokenBucket(limits.eventBurst, limits.eventsPerSecond, clock))
    // A connection without the main namespace is of no use to anyone.
    socket.on('disconnect', () => cut(session))
    const identity = identityAtConnect(socket, session)
    forgetRequest(socket)
    if (identity.kind === 'anonymous') return
    authentication.welcome(session, identity).catch((err: unknown) => {
      log.error({ err, reason: 'ROOMS_UNREAD' }, 'a socket could not be brought into its rooms')
      cut(session)
    })
  })

  /** The CONNECT payload's identity where the gateway put one there, the handshake's otherwise. */
  function identityAtConnect(socket: Socket, session: Session): Identity {
    const claim: unknown = socket.handshake.auth?.[CONNECT_IDENTITY_KEY]
    if (claim === undefined) return session.handshake
    const verified = verifier.verify(claim)
    return 'identity' in verified ? verified.identity : { kind: 'anonymous', app: session.handshake.app }
  }

  const unsubscribe = feed.subscribe((change) => {
    revocations.note(change)
    if (change.subject === 'credential' && change.effect === 'granted' && change.expiresAtMs !== undefined)
      sessions.renew(change.credentialId, change.expiresAtMs)
    if (change.subject === 'credential' && change.effect === 'revoked')
      void cutAll([...sessions.ofCredential(change.credentialId)])
    if (change.subject === 'user')
      void cutAll(
        [...sessions.ofUser(change.app, change.userId)].filter(({ identity }) => identity.kind === 'client'),
      )
  })

  const sweep = setInterval(() => {
    const nowMs = clock()
    revocations.forgetOld()
    for (const session of sessions.all()) {
      const { identity } = session
      const endsAtMs =
        identity.kind === 'anonymous' ? session.anonymousSinceMs + limits.anonymousMs : identity.expiresAtMs
      if (endsAtMs !== undefined && endsAtMs <= nowMs) cut(session)
    }
  }, limits.sweepIntervalMs).unref()

  return {
    publish(event) {
      try {
        const broadcast = { ...toBroadcast(event), key: followUpKey(event) }
        apply(broadcast)
        cluster?.tell(broadcast)
      } catch (err) {
        const what = { err, reason: 'BROADCAST_FAILED', event: event.type }
        log.error(what, 'an event did not reach the sockets')
      }
    },
    connectionCount: () => sessions.count(),
    connectionsByApp: () => sessions.countByApp(),
    sockets: createLocalSockets(sessions, nodeId, cut),
    droppedCount: delivery.droppedCount,
    linked: () => cluster?.linked(),
    async close() {
      closing = true
      checks.close()
      unsubscribe()
      clearInterval(sweep)
      const ending = [...sessions.all()]
      const slice = Math.ceil(ending.length / CLOSE_SLICES)
      for (let start = 0; start < ending.length; start += slice) {
        // What is unsent goes first; but a poll that isn't there would be waited for, half a minute long.
        for (const { conn } of ending.slice(start, start + slice))
          conn.close(conn.transport.name === 'polling')
        await new Promise((resolve) => setTimeout(resolve, limits.closeSpreadMs / CLOSE_SLICES))
      }
      cluster?.close()
      io.engine.close()
    },
  }
}
