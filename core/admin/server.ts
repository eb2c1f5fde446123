import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { type ReadyzOptions, readyz } from './readyz.ts'

/** The operators' port, never reached by the public: liveness, readiness, metrics. */
export function buildAdminServer(parts: ReadyzOptions & { registry: Registry }): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  app.get('/livez', async () => ({ status: 'live' }))
  app.register(readyz, parts)
  app.get('/metrics', async (_request, reply) =>
    reply.type(parts.registry.contentType).send(await parts.registry.metrics()),
  )
  return app
}
