import type { FastifyPluginAsync } from 'fastify'
import type { Route } from '../route.ts'
import { describeRoutes } from './document.ts'

/** `GET /openapi.json`: it says nothing that an installation keeps to itself. */
export const reference: FastifyPluginAsync<{ routes: readonly Route[] }> = async (server, { routes }) => {
  const text = JSON.stringify(describeRoutes(routes))
  server.get('/openapi.json', async (_request, reply) =>
    reply
      .header('cache-control', 'no-cache')
      .header('x-content-type-options', 'nosniff')
      .type('application/json; charset=utf-8')
      .send(text),
  )
}
