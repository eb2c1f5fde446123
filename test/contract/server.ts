import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { IDENTITY_HEADER, type Identity } from '#contract/identity.ts'
import { signIdentity, signingKey } from '#contract/signature.ts'
import { createAppConfigs } from '../../core/chat/app-configs.ts'
import type { ChatContext, LiveSocket } from '../../core/chat/context.ts'
import type { ChatEvent } from '../../core/chat/events.ts'
import type { FileContext } from '../../core/chat/files.ts'
import { createIdSource } from '../../core/chat/new-id.ts'
import { createSends } from '../../core/chat/sends.ts'
import { createApp } from '../../core/credentials/keys.ts'
import { createDiskStorage } from '../../core/files/disk-storage.ts'
import { createSignedUrls } from '../../core/files/signed-urls.ts'
import { buildPublicServer } from '../../core/http/server.ts'
import type { UploadLimits } from '../../core/http/uploads.ts'
import { createIdentityVerifier } from '../../core/identity/verifier.ts'
import { createLog } from '../../core/observe/log.ts'
import { createMetrics } from '../../core/observe/metrics.ts'
import { createReadiness } from '../../core/observe/readiness.ts'
import { createConnectionCounts } from '../../core/realtime/connection-counts.ts'
import { createLiveSockets } from '../../core/realtime/live-sockets.ts'
import { migrate } from '../../core/store/migrate.ts'
import { openDatabase } from '../../core/store/open-database.ts'
import { type ApiClient, createApiClient } from '../support/api-client.ts'
import { startPostgres } from '../support/postgres.ts'

const SIGNING_KEYS = [signingKey('test', randomBytes(32))]
const DAY_MS = 86_400_000

/** The public server on a real socket, with a clock that tests can move. */
export type ContractServer = {
  url: string
  chat: ChatContext
  files: FileContext
  filesDirectory: string
  jwtSecret: Uint8Array
  /** Live sockets by app, as if there were some. */
  sockets: Map<string, number>
  /** The same, one by one. */
  liveSockets: Map<string, LiveSocket[]>
  /** Everything published so far, of every app. */
  events: ChatEvent[]
  advance(ms: number): void
  /** A client of the server that carries this identity, signed. */
  as(identity: Identity): ApiClient
  /** A fresh app, so that tests on one server cannot meet. */
  newApp(): Promise<TestApp>
}

export type TestApp = {
  app: string
  /** A user with a client token. */
  user(id: string): ApiClient
  /** A customer's server, acting for a user or for nobody. */
  platform(userId?: string): ApiClient
  /** What was published in this app since the last call. */
  takeEvents(): ChatEvent[]
}

export const DATABASES = ['pglite', 'postgres'] as const
export type DatabaseKind = (typeof DATABASES)[number]

/** The same tests on both databases. */
export function onEachDatabase(t: Test, body: (t: Test, server: ContractServer) => Promise<unknown>): void {
  for (const kind of DATABASES)
    t.test(`on ${kind}`, async (t) => {
      await body(t, await startContractServer(t, kind))
    })
}

export async function startContractServer(
  t: Test,
  kind: DatabaseKind,
  settings: Partial<ChatContext['settings']> = {},
  uploadLimits: Partial<UploadLimits> = {},
): Promise<ContractServer> {
  const db = await openDatabase(kind === 'pglite' ? 'pglite:memory' : (await startPostgres(t)).url)
  await migrate(db)
  let offsetMs = 0
  const clock = () => Date.now() + offsetMs
  const events: ChatEvent[] = []
  const log = createLog('silent')
  const sockets = new Map<string, number>()
  const liveSockets = new Map<string, LiveSocket[]>()
  const connections = createConnectionCounts({
    local: () => sockets,
    nodeId: 'test-node',
    redisUrl: undefined,
    clock,
    log,
  })
  const chat: ChatContext = {
    db,
    publish: (event) => events.push(event),
    clock,
    newId: createIdSource(clock),
    sends: createSends(db),
    settings: { invitationRequired: false, sandbox: false, ...settings },
    configs: createAppConfigs(db, clock),
    connections,
    liveSockets: createLiveSockets({
      local: {
        list: (app) => liveSockets.get(app) ?? [],
        connected: (app, userIds) =>
          userIds.filter((userId) => liveSockets.get(app)?.some((socket) => socket.userId === userId)),
        cut: (app, id) => liveSockets.get(app)?.some((socket) => socket.id === id) ?? false,
      },
      nodeId: 'test-node',
      redisUrl: undefined,
      log,
    }),
    log,
  }
  const credentials = {
    db,
    clock,
    nudge: () => {},
    jwtSecret: randomBytes(32),
    tokenLifetimeMs: 7 * DAY_MS,
    appDefaults: { origins: ['*'], authUrl: undefined, privateUpstreams: 'none' as const },
  }
  const verifier = createIdentityVerifier(SIGNING_KEYS, clock)
  const filesDirectory = await mkdtemp(join(tmpdir(), 'imkit-files-'))
  const files: FileContext = {
    chat,
    storage: createDiskStorage(filesDirectory),
    urls: createSignedUrls(credentials.jwtSecret, clock),
    maxBytes: 1_000_000,
  }
  const server = buildPublicServer({
    chat,
    verifier,
    credentials,
    files,
    uploadLimits,
    readiness: createReadiness(db, clock),
    nodeId: 'test-node',
    metrics: createMetrics(),
    log,
  })
  t.teardown(async () => {
    await server.close()
    await connections.close()
    await db.close()
    await rm(filesDirectory, { recursive: true, force: true })
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const as = (identity: Identity) =>
    createApiClient(url, { [IDENTITY_HEADER]: signIdentity(identity, SIGNING_KEYS, clock()) })
  return {
    url,
    chat,
    files,
    filesDirectory,
    jwtSecret: credentials.jwtSecret,
    sockets,
    liveSockets,
    events,
    advance(ms) {
      offsetMs += ms
    },
    as,
    async newApp() {
      const app = `app-${randomBytes(6).toString('hex')}`
      await createApp(credentials, app)
      let seen = events.length
      const named = { app, deviceId: undefined, expiresAtMs: undefined }
      return {
        app,
        user: (id) =>
          as({
            ...named,
            kind: 'client',
            userId: id,
            credentialId: credentialDigest('client-token', app, id),
          }),
        platform: (userId) =>
          as({ ...named, kind: 'platform', userId, credentialId: credentialDigest('platform-key', '', app) }),
        takeEvents() {
          const fresh = events.slice(seen).filter((event) => event.app === app)
          seen = events.length
          return fresh
        },
      }
    },
  }
}

/** A group of these users, made by the first of them. @returns its id */
export async function groupOf(app: TestApp, owner: string, ...others: string[]): Promise<string> {
  const room = await app
    .user(owner)
    .ok('POST', '/rooms/createAndJoin', { roomType: 'group', invitee: others })
  return String(room._id)
}
