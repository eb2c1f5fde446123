import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { type OperatorRoutesOptions, operatorRoutes } from './operator-routes.ts'
import { type ReadyzOptions, readyz } from './readyz.ts'

export type AdminServerParts = ReadyzOptions & OperatorRoutesOptions & { registry: Registry }

/** The operators' port, never reached by the public: liveness, readiness, metrics, and the operators' API. */
export function buildAdminServer(parts: AdminServerParts): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  app.get('/livez', async () => ({ status: 'live' }))
  app.register(readyz, parts)
  app.register(operatorRoutes, parts)
  app.get('/metrics', async (_request, reply) =>
    reply.type(parts.registry.contentType).send(await parts.registry.metrics()),
  )
  return app
}
