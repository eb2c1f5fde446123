import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { type ConsoleParts, consolePages } from '../console/console.ts'

export type AdminServerParts = ConsoleParts & {
  registry: Registry
  /** Undefined = ready; else what it waits for, in words for an operator. */
  unreadiness(): string | undefined
}

/** The operators' port, never reached by the public: liveness, readiness, metrics, and a page to look at. */
export function buildAdminServer(parts: AdminServerParts): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: 'idle' })
  app.get('/livez', async () => ({ status: 'live' }))
  app.get('/readyz', async (_request, reply) => {
    const reason = parts.unreadiness()
    if (reason === undefined) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', reason })
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(parts.registry.contentType).send(await parts.registry.metrics()),
  )
  app.register(consolePages, parts)
  return app
}
