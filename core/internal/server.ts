/**
 * The internal API, spoken by gateways alone. A bad credential is a 200 that says inactive; any other status is
 * broken machinery, which a gateway must never take for a refusal.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { APP_ID_PATTERN } from '#contract/credential.ts'
import type { Introspection, IntrospectionRequest } from '#contract/internal.ts'
import { type ReadyzOptions, readyz } from '../admin/readyz.ts'
import type { ChangeFeed } from '../credentials/change-feed.ts'
import type { Introspect } from '../credentials/introspect.ts'
import { createKeyUse, type KeyUse } from '../credentials/key-use.ts'
import { provisionUser } from '../credentials/provision.ts'
import type { RedisEntries } from '../credentials/redis-entries.ts'
import { CoreError, errorEntry } from '../errors.ts'
import { createReader } from '../http/reading.ts'
import type { Logger } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Database } from '../store/database.ts'

export type InternalServerParts = ReadyzOptions & {
  introspect: Introspect
  feed: ChangeFeed
  db: Database
  redisEntries: RedisEntries | undefined
  metrics: Metrics
  clock: () => number
  log: Logger
}

const MAX_WAIT_MS = 30_000
const MAX_BODY_BYTES = 1_024
const MAX_PROVISION_BYTES = 131_072

const IntrospectionBody = Type.Object({
  kind: Type.Union([
    Type.Literal('client-token'),
    Type.Literal('platform-key'),
    Type.Literal('client-key'),
    Type.Literal('default-app'),
  ]),
  digest: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
})

const ProvisionBody = Type.Object({
  app: Type.String({ pattern: APP_ID_PATTERN.source }),
  userId: Type.String({ minLength: 1, maxLength: 256 }),
  nickname: Type.Optional(Type.String({ maxLength: 16_384 })),
  avatarUrl: Type.Optional(Type.String({ maxLength: 16_384 })),
  issuedAtMs: Type.Optional(Type.Integer()),
})

const ChangesQuery = Type.Object({
  after: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  waitMs: Type.Integer({ minimum: 0, maximum: MAX_WAIT_MS, default: 0 }),
})

export function buildInternalServer(parts: InternalServerParts): FastifyInstance {
  const { introspect, feed, db, clock, log } = parts
  const keyUse = createKeyUse(db, clock)
  const base = Fastify({ logger: false, bodyLimit: MAX_BODY_BYTES })
  const app = base.withTypeProvider<TypeBoxTypeProvider>()
  const stopping = new AbortController()
  app.addHook('preClose', async () => stopping.abort())
  app.register(readyz, parts)

  app.post('/introspect', { schema: { body: IntrospectionBody } }, async (request) => {
    const answer = await introspect(request.body)
    noteAnswer(parts, keyUse, request.body, answer)
    return answer
  })

  // Read strictly: Fastify's own validation would make null an empty nickname.
  const readProvision = createReader(ProvisionBody, 'INVALID_REQUEST')
  app.post('/provision', { bodyLimit: MAX_PROVISION_BYTES }, async (request) =>
    provisionUser({ db, clock }, readProvision(request.body, false) as Static<typeof ProvisionBody>),
  )

  app.get('/credential-changes', { schema: { querystring: ChangesQuery } }, async (request, reply) => {
    const { after, waitMs } = request.query
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return feed.changesAfter(after, waitMs, AbortSignal.any([stopping.signal, gone.signal]))
  })

  app.setErrorHandler((error, request, reply) => {
    const refused =
      error instanceof CoreError ? error.code : statusOf(error) < 500 ? 'INVALID_REQUEST' : 'INTERNAL'
    const { status } = errorEntry(refused)
    if (status >= 500)
      log.error({ err: error, reason: refused, route: request.routeOptions.url }, 'internal request failed')
    return reply.code(status).send({ code: refused })
  })
  return base
}

/** What follows an answer; it neither waits for it nor fails with it. */
function noteAnswer(
  { redisEntries, metrics }: InternalServerParts,
  keyUse: KeyUse,
  request: IntrospectionRequest,
  answer: Introspection,
): void {
  const { kind, digest } = request
  metrics.introspected(kind, answer.active)
  redisEntries?.offer(request, answer)
  if (answer.active && (kind === 'platform-key' || kind === 'client-key')) keyUse.note(kind, digest)
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500
}
