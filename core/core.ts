import { randomBytes } from 'node:crypto'
import { openTracer, type Tracer } from '#contract/tracer.ts'
import type { TracingSettings } from '#contract/tracing-settings.ts'
import { VERSION } from '#contract/version.ts'
import { buildAdminServer } from './admin/server.ts'
import { createBatchRunner } from './batches/batch-runner.ts'
import { createAppConfigs } from './chat/app-configs.ts'
import type { ChatContext } from './chat/context.ts'
import { createFileSweep } from './chat/file-sweep.ts'
import type { FileContext } from './chat/files.ts'
import { createIdSource } from './chat/new-id.ts'
import { createSends } from './chat/sends.ts'
import { createClosing } from './closing.ts'
import type { CoreConfig } from './config.ts'
import { createChangeFeed } from './credentials/change-feed.ts'
import type { CredentialContext } from './credentials/context.ts'
import { createDelegatedSigning } from './credentials/delegated-signing.ts'
import { createIntrospection } from './credentials/introspect.ts'
import { ensureApp } from './credentials/keys.ts'
import { createRedisEntries } from './credentials/redis-entries.ts'
import { createDiskStorage } from './files/disk-storage.ts'
import { createS3Storage } from './files/s3-storage.ts'
import { createSignedUrls } from './files/signed-urls.ts'
import type { FilesConfig } from './files-config.ts'
import { buildPublicServer } from './http/server.ts'
import { traceRequests } from './http/tracing.ts'
import { createIdentityVerifier } from './identity/verifier.ts'
import { buildInternalServer } from './internal/server.ts'
import { listen } from './listen.ts'
import { createLog, type Logger } from './observe/log.ts'
import { createMetrics } from './observe/metrics.ts'
import { createOutboxMetrics } from './observe/outbox-metrics.ts'
import { createReadiness } from './observe/readiness.ts'
import { traceDatabase } from './observe/traced-database.ts'
import { createOutbox } from './outbox/outbox.ts'
import { createConnectionCounts } from './realtime/connection-counts.ts'
import { createLiveSockets } from './realtime/live-sockets.ts'
import { createRealtime } from './realtime/realtime.ts'
import { createHourlyReport } from './reports/hourly-report.ts'
import { migrate } from './store/migrate.ts'
import { openDatabase } from './store/open-database.ts'

export type Core = {
  publicUrl: string
  internalUrl: string
  adminUrl: string
  nodeId: string
  /** Takes over what may change while running: the keys of the gateways. */
  reload(next: Pick<CoreConfig, 'signingKeys'>): void
  /** Not ready, then no new connections, then requests, sockets and the database to their end. */
  close(): Promise<void>
}

export type CoreParts = {
  clock?: () => number
  log?: Logger
  /** The core cannot go on; it should be closed and started anew. */
  onFatal?: () => void
}

/** The composition root: everything is made here, in the order in which it depends on what came before. */
export async function buildCore(config: CoreConfig, parts: CoreParts = {}): Promise<Core> {
  const { clock = Date.now, log = createLog(config.logLevel), onFatal = () => {} } = parts
  const nodeId = randomBytes(9).toString('base64url')
  const closing = createClosing(log)
  try {
    const tracer = config.tracing && (await openTraces(config.tracing, log))
    if (tracer !== undefined) closing.add('traces', tracer.close)
    const opened = await openDatabase(config.databaseUrl, {
      poolSize: config.databasePoolSize,
      onBroken() {
        log.fatal({ event: 'database-broken' }, 'the embedded database has stopped, and needs a new start')
        onFatal()
      },
    })
    const db = tracer === undefined ? opened : traceDatabase(opened, tracer)
    closing.add('database', () => db.close())
    if (config.sandbox) log.warn({ event: 'sandbox' }, 'a client key alone signs anyone in')
    if (db.kind === 'pglite') log.warn({ event: 'embedded-database' }, 'PGlite: no safety against power loss')
    const applied = await migrate(db)
    if (applied.length > 0) log.info({ event: 'migrated', applied }, 'the database was brought forward')

    const { jwtSecret, tokenLifetimeMs, corsOrigins, authUrl, authSignUrl, privateUpstreams } = config
    const { platformSources, sockets } = config
    const appDefaults = { origins: corsOrigins, authUrl, privateUpstreams, platformSources }
    const delegatedSigning = authSignUrl === undefined ? undefined : createDelegatedSigning(authSignUrl)
    if (delegatedSigning !== undefined) closing.add('delegated signing', delegatedSigning.close)
    const setUp = { db, clock, nudge: () => {}, jwtSecret, tokenLifetimeMs, appDefaults, delegatedSigning }
    if (config.bootstrap !== undefined) await ensureApp(setUp, config.bootstrap)

    const feed = await createChangeFeed({ db, clock, log, onLost: onFatal })
    closing.add('feed', feed.close)
    const credentials: CredentialContext = { ...setUp, nudge: feed.nudge }
    const introspect = createIntrospection(db, clock, appDefaults)
    const redisEntries =
      config.redisUrl === undefined
        ? undefined
        : createRedisEntries({ url: config.redisUrl, db, feed, introspect, clock, log })
    if (redisEntries !== undefined) closing.add('redis entries', redisEntries.close)

    const readiness = createReadiness(db, clock)
    const metrics = createMetrics()
    metrics.gauge('core_feed_position', 'How far credential changes have been read.', feed.position)
    metrics.gauge(
      'core_feed_behind_seconds',
      'Since credential changes were last read.',
      () => feed.behindMs() / 1_000,
    )
    metrics.gauge('core_sockets', 'Live sockets.', () => realtime.connectionCount())
    metrics.counter(
      'core_broadcasts_dropped_total',
      'Events that an overcrowded room’s sockets were not told.',
      () => realtime.droppedCount(),
    )

    const { adminToken } = config
    const { registry } = metrics
    const admin = buildAdminServer({ readiness, nodeId, registry, credentials, adminToken, log })
    closing.add('admin server', () => admin.close())
    const internal = buildInternalServer({
      introspect,
      feed,
      db,
      redisEntries,
      metrics,
      clock,
      readiness,
      nodeId,
      log,
    })
    if (tracer !== undefined) traceRequests(internal, tracer)
    closing.add('internal server', () => internal.close())

    const verifier = createIdentityVerifier(config.signingKeys, clock)
    const { redisUrl } = config
    const connections = createConnectionCounts({
      local: () => realtime.connectionsByApp(),
      nodeId,
      redisUrl,
      clock,
      log,
    })
    closing.add('connection counts', connections.close)
    const liveSockets = createLiveSockets({
      local: {
        list: (app, page) => realtime.sockets.list(app, page),
        connected: (app, userIds) => realtime.sockets.connected(app, userIds),
        cut: (app, id) => realtime.sockets.cut(app, id),
      },
      nodeId,
      redisUrl,
      log,
    })
    closing.add('live sockets', liveSockets.close)
    const chat: ChatContext = {
      db,
      publish(event) {
        realtime.publish(event)
        outbox.nudge()
      },
      otherUnread: (userId) => outbox.otherUnread(userId),
      clock,
      newId: createIdSource(clock),
      sends: createSends(db, tracer),
      settings: { invitationRequired: config.invitationRequired, sandbox: config.sandbox },
      configs: createAppConfigs(db, clock),
      connections,
      liveSockets,
      log,
    }
    const outbox = createOutbox({
      chat,
      publish: (event) => realtime.publish(event),
      config: config.outside,
      privateUpstreams,
      deploymentSecret: jwtSecret,
      observe: createOutboxMetrics(registry, db),
    })
    closing.add('outbox', outbox.close)
    if (config.reportUrl !== undefined)
      closing.add('hourly report', createHourlyReport({ url: config.reportUrl, chat }).close)
    const files = buildFiles(config.files, chat, jwtSecret)
    if (files !== undefined) {
      closing.add('files', files.storage.close)
      closing.add('file sweep', createFileSweep(files).close)
    }
    const server = buildPublicServer({ chat, verifier, credentials, files, readiness, nodeId, metrics, log })
    if (tracer !== undefined) traceRequests(server, tracer)
    const realtime = createRealtime({
      server: server.server,
      verifier,
      chat,
      feed,
      log,
      nodeId,
      redisUrl,
      onTold: outbox.emitted.note,
      ...sockets,
      clock,
      tracer,
    })
    closing.add('sockets and public server', async () => {
      const requestsDone = server.close()
      await realtime.close()
      await requestsDone
    })

    outbox.start()
    closing.add('batches', createBatchRunner(chat).close)
    const internalUrl = await listen(internal, config.internalHost, config.internalPort)
    const adminUrl = await listen(admin, config.adminHost, config.adminPort)
    const publicUrl = await listen(server, config.host, config.port)
    log.info({ publicUrl, adminUrl, internalUrl, nodeId }, 'listening')
    return {
      publicUrl,
      internalUrl,
      adminUrl,
      nodeId,
      reload: (next) => verifier.setKeys(next.signingKeys),
      close() {
        readiness.drain()
        return closing.run()
      },
    }
  } catch (error) {
    await closing.run()
    throw error
  }
}

const openTraces = (settings: TracingSettings, log: Logger): Promise<Tracer> =>
  openTracer(settings, {
    version: VERSION,
    onLost: (err) => log.warn({ err, reason: 'TRACES_LOST' }, 'spans could not be sent'),
  })

function buildFiles(config: FilesConfig, chat: ChatContext, secret: Uint8Array): FileContext | undefined {
  const { storage, maxBytes } = config
  if (storage === undefined) return undefined
  return {
    chat,
    storage: storage.kind === 's3' ? createS3Storage(storage.s3) : createDiskStorage(storage.directory),
    urls: createSignedUrls(secret, chat.clock),
    maxBytes,
  }
}
