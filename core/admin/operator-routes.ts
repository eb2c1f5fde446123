/**
 * The operators' API: apps, their keys and settings, and the users that are shut out. It is on the admin port alone,
 * which the public never reaches.
 */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { type Static, type TSchema, Type } from 'typebox'
import { createAppKey, listAppKeys, revokeAppKey, rotateAppKey } from '../credentials/app-keys.ts'
import { changeSettings, createAppWithSettings, describeApp, listApps } from '../credentials/app-settings.ts'
import type { CredentialContext } from '../credentials/context.ts'
import { disableUser, enableUser } from '../credentials/disablement.ts'
import { answerFailure } from '../http/failures.ts'
import { createReader } from '../http/reading.ts'
import { NewKeyBody, RotationBody } from '../http/routes/app.ts'
import type { Logger } from '../observe/log.ts'
import { createOperatorAccess } from './operator-access.ts'

export type OperatorRoutesOptions = {
  credentials: CredentialContext
  adminToken: string | undefined
  log: Logger
}

const MAX_APPS = 1_000
const NewAppBody = Type.Object({ app: Type.String(), settings: Type.Optional(Type.Unknown()) })
const AppsQuery = Type.Object({
  after: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_APPS })),
})

type App = { Params: { app: string } }
type Key = { Params: { app: string; id: string } }

export const operatorRoutes: FastifyPluginAsync<OperatorRoutesOptions> = async (server, options) => {
  const { credentials: ctx, log } = options
  const refuseOthers = createOperatorAccess(options.adminToken)
  const readApp = reader(NewAppBody)
  const readApps = reader(AppsQuery)
  const readKey = reader(NewKeyBody)
  const readRotation = reader(RotationBody)

  server.addHook('onRequest', async (request) => refuseOthers(request))
  server.addHook('onResponse', async (request, reply) => {
    if (request.method === 'GET') return
    const { app = bodyApp(request), ...named } = request.params as Record<string, string>
    const route = `${request.method} ${request.routeOptions.url}`
    log.info({ event: 'operator-write', route, app, ...named, status: reply.statusCode }, 'an operator wrote')
  })
  server.setErrorHandler((error, request, reply) => answerFailure(log, error, request, reply))

  server.get('/apps', async (request) => {
    const { after, limit = MAX_APPS } = readApps(request.query, true)
    return { apps: await listApps(ctx, { after, limit }) }
  })
  server.post('/apps', async (request, reply) => {
    const { app, settings } = readApp(request.body)
    return reply.code(201).send(await createAppWithSettings(ctx, app, settings ?? {}))
  })
  server.get<App>('/apps/:app', async ({ params }) => describeApp(ctx, params.app))
  server.put<App>('/apps/:app/settings', async ({ params, body }) => {
    const { app } = await changeSettings(ctx, params.app, body)
    return app
  })

  server.get<App>('/apps/:app/keys', async ({ params }) => ({ keys: await listAppKeys(ctx, params.app) }))
  server.post<App>('/apps/:app/keys', async ({ params, body }, reply) => {
    const { key } = await createAppKey(ctx, params.app, readKey(body))
    return reply.code(201).send(key)
  })
  server.post<Key>('/apps/:app/keys/:id/rotate', async ({ params, body }, reply) => {
    const { key } = await rotateAppKey(ctx, params.app, params.id, readRotation(body ?? {}))
    return reply.code(201).send(key)
  })
  server.delete<Key>('/apps/:app/keys/:id', async ({ params }) => {
    await revokeAppKey(ctx, params.app, params.id)
    return {}
  })

  server.post<Key>('/apps/:app/users/:id/disable', async ({ params }) => {
    await disableUser(ctx, params.app, params.id)
    return {}
  })
  server.post<Key>('/apps/:app/users/:id/enable', async ({ params }) => {
    await enableUser(ctx, params.app, params.id)
    return {}
  })
}

function reader<T extends TSchema>(schema: T): (value: unknown, isText?: boolean) => Static<T> {
  const read = createReader(schema, 'INVALID_REQUEST')
  return (value, isText = false) => read(value ?? {}, isText) as Static<T>
}

function bodyApp({ body }: FastifyRequest): string | undefined {
  const app = typeof body === 'object' && body !== null && 'app' in body ? body.app : undefined
  return typeof app === 'string' ? app.slice(0, 63) : undefined
}
