import { parseTraceContext, type TraceContext } from '#contract/trace-context.ts'
import type { Tracer, TraceSpan } from '#contract/tracer.ts'
import { type ErrorCode, errorEntry } from '../errors.ts'
import type { ForwardResult } from '../upstream/forward-contract.ts'
import { pathClass } from './audit.ts'

/** A request as far as traces tell of it: nothing that a caller chose but the words of the API. */
export type Traced = {
  method: string
  path: string
  headers: { traceParent: string | undefined; traceState: string | undefined }
  /** What it says of itself is believed. */
  viaProxy: boolean
}

/** The span of one request or upgrade. */
export type RequestTrace = {
  /** Lookups on its behalf belong to it. */
  run<T>(work: () => T): T
  /** The part of it that the core answers; `done` where the way there is ours to see. */
  forward(requestId: string): { context: TraceContext; done(result: ForwardResult): void }
  failed(code: ErrorCode): void
  /** Once; 0 = the client left before. */
  end(status: number): void
}

export type RequestTraces = { begin(traced: Traced): RequestTrace }

/**
 * Whoever is no trusted proxy may not choose the id of our traces, nor whether they are recorded: its request begins
 * a trace of its own, with a link to what it named.
 */
export function createRequestTraces(tracer: Tracer): RequestTraces {
  return {
    begin({ method, path, headers, viaProxy }) {
      const named = parseTraceContext(headers.traceParent, headers.traceState)
      const route = pathClass(path) ?? ''
      const span = tracer.start(`${method} ${route}`, {
        kind: 'server',
        parent: viaProxy ? named : undefined,
        links: viaProxy || named === undefined ? [] : [named],
        attributes: { 'http.request.method': method, 'http.route': route },
      })
      let forwarded: TraceSpan | undefined
      return {
        run: (work) => tracer.run(span, work),
        forward(requestId) {
          span.set('im.request_id', requestId)
          const ours = tracer.start('core', { kind: 'client', parent: span.context })
          forwarded = ours
          return {
            context: ours.context,
            done({ status, error, isRetried, upstream }) {
              ours.set('http.response.status_code', status)
              if (upstream !== undefined) ours.set('server.address', upstream)
              if (isRetried) ours.set('http.request.resend_count', 1)
              if (error !== undefined) ours.fail(error)
              ours.end()
            },
          }
        },
        failed(code) {
          if (errorEntry(code).status >= 500) span.fail(code)
          else span.set('error.type', code)
        },
        end(status) {
          forwarded?.end()
          span.set('http.response.status_code', status)
          span.end()
        },
      }
    },
  }
}

/** What goes on to the core where this gateway traces nothing itself. */
export const passedTrace = ({ headers, viaProxy }: Traced): TraceContext | undefined =>
  viaProxy && headers.traceParent !== undefined
    ? parseTraceContext(headers.traceParent, headers.traceState)
    : undefined
