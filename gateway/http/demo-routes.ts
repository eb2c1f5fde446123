import type { IncomingMessage, ServerResponse } from 'node:http'
import Fastify from 'fastify'
import { ownLine, ownName } from '../headers/field-lines.ts'
import type { Forward } from '../upstream/forward.ts'
import { framingOf } from '../upstream/request-head.ts'
import { replyError } from './error-reply.ts'

/** The demo's page and its small customer-server, on the gateway's own origin; the embedded mode alone has it. */
export type Demo = {
  isDemoPath(path: string): boolean
  serve(req: IncomingMessage, res: ServerResponse): void
  close(): Promise<void>
}

/** All that the demo's server reads; its sign-in refuses other sites' pages by the second. */
const FORWARDED = ['content-type', 'sec-fetch-site'].map(ownName)

export async function buildDemo(forward: Forward): Promise<Demo> {
  const app = Fastify({ logger: false })
  app.removeAllContentTypeParsers()
  // The body is not Fastify's to read: it is streamed on.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const path of ['/', '/demo']) app.get(path, (_request, reply) => reply.redirect('/demo/'))
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
        fields: FORWARDED.flatMap((name) => {
          const value = request.headers[name.lower]
          return typeof value === 'string' ? [ownLine(name, value)] : []
        }),
        framing: framingOf({
          contentLength: request.headers['content-length'],
          transferEncoding: request.headers['transfer-encoding'],
        }),
      },
      { responseFields: [], fail: (code) => replyError(reply.raw, code, []), onDone: () => undefined },
    )
  })
  await app.ready()
  return {
    isDemoPath: (path) => path === '/' || path === '/demo' || path.startsWith('/demo/'),
    serve: (req, res) => app.routing(req, res),
    close: () => app.close(),
  }
}
