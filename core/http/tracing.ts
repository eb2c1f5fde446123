import type { FastifyInstance, FastifyRequest } from 'fastify'
import { REQUEST_ID_HEADER } from '#contract/identity.ts'
import { parseTraceContext, TRACE_PARENT_HEADER, TRACE_STATE_HEADER } from '#contract/trace-context.ts'
import type { Tracer, TraceSpan } from '#contract/tracer.ts'
import { CoreError } from '../errors.ts'

/** A span for each request, below the gateway's, which alone can reach these ports. */
export function traceRequests(server: FastifyInstance, tracer: Tracer): void {
  const spans = new WeakMap<FastifyRequest, TraceSpan>()

  server.addHook('onRequest', (request, _reply, next) => {
    const { method, headers } = request
    const route = request.routeOptions.url ?? ''
    const requestId = headers[REQUEST_ID_HEADER]
    spans.set(
      request,
      tracer.start(`${method} ${route}`.trimEnd(), {
        kind: 'server',
        parent: parseTraceContext(headers[TRACE_PARENT_HEADER], headers[TRACE_STATE_HEADER]),
        attributes: {
          'http.request.method': method,
          'http.route': route,
          ...(typeof requestId === 'string' && { 'im.request_id': requestId }),
        },
      }),
    )
    next()
  })
  // Here and not before: what reads a body's stream has no part in the flow of the request.
  server.addHook('preHandler', (request, _reply, next) => tracer.run(spans.get(request), next))
  server.addHook('onError', (request, _reply, error, next) => {
    spans.get(request)?.set('error.type', codeOf(error))
    next()
  })
  server.addHook('onResponse', (request, reply, next) => {
    const span = spans.get(request)
    span?.set('http.response.status_code', reply.statusCode)
    span?.end()
    next()
  })
  // The client left, or there was no time for an answer.
  server.addHook('onRequestAbort', (request, next) => {
    spans.get(request)?.end()
    next()
  })
}

const codeOf = (error: unknown): string => (error instanceof CoreError ? error.code : 'INTERNAL')
