import type { FastifyInstance } from 'fastify'
import type { Forward } from '../upstream/forward.ts'
import { replyError } from './error-reply.ts'

/** The demo's page and its small customer-server, on the gateway's own origin; the embedded mode alone has it. */
export function addDemoRoutes(app: FastifyInstance, forward: Forward): void {
  app.removeAllContentTypeParsers()
  // The body is not Fastify's to read: it is streamed on.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.get('/', (_request, reply) => reply.redirect('/demo/'))
  app.all('/demo/*', (request, reply) => {
    reply.hijack()
    const { raw: req } = request
    forward(
      req,
      reply.raw,
      {
        method: request.method,
        target: request.url,
        host: request.host,
        headers: ['content-type', request.headers['content-type'] ?? 'application/octet-stream'],
      },
      { responseHeaders: [], fail: (code) => replyError(reply.raw, code, []), onDone: () => undefined },
    )
  })
}

export const isDemoPath = (path: string): boolean => path === '/' || path.startsWith('/demo/')
