import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * The page of customers' developers. It holds nothing: the platform key is typed in, stays in the page's memory, and
 * goes with each of its requests (docs/decisions/0004).
 */
export const consolePage: FastifyPluginAsync = async (server) => {
  server.get('/console', (request, reply) =>
    // The router takes both for one, and the page's own links need the slash.
    request.url.startsWith('/console/') ? reply.sendFile('index.html') : reply.redirect('/console/'),
  )
  await server.register(fastifyStatic, {
    root: join(import.meta.dirname, 'page'),
    prefix: '/console/',
    index: false,
    wildcard: false,
    setHeaders,
  })
}

function setHeaders(reply: FastifyReply): void {
  reply.headers({
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  })
}
