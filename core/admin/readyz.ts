import type { FastifyPluginAsync } from 'fastify'
import type { Readiness } from '../observe/readiness.ts'

export type ReadyzOptions = { readiness: Readiness; nodeId: string }

/** Gateways learn from it which node is behind which address: they route long-polling by the node id. */
export const NODE_ID_HEADER = 'im-node-id'

/** `GET /readyz`: 200, or 503 with a reason. On the public port too, where gateways check their upstreams. */
export const readyz: FastifyPluginAsync<ReadyzOptions> = async (app, { readiness, nodeId }) => {
  app.get('/readyz', async (_request, reply) => {
    const reason = await readiness.reason()
    reply.header(NODE_ID_HEADER, nodeId).header('cache-control', 'no-store')
    if (reason === undefined) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', reason })
  })
}
