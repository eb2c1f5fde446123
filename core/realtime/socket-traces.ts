import { parseTraceContext, TRACE_PARENT_HEADER, TRACE_STATE_HEADER } from '#contract/trace-context.ts'
import type { Tracer } from '#contract/tracer.ts'
import { CoreError } from '../errors.ts'
import type { Session } from './sessions.ts'

/** Does the work of an event within its span. */
export type TraceEvent = (
  session: Session,
  event: string,
  argument: unknown,
  work: () => Promise<void>,
) => Promise<void>

/**
 * A socket lives for hours, so that each of its events is a trace of its own, with a link to where the socket began;
 * an `auth` event goes on with the gateway's, which exchanged its credential.
 */
export function createSocketTraces(tracer: Tracer): TraceEvent {
  return async ({ conn }, event, argument, work) => {
    const { headers } = conn.request
    const began = parseTraceContext(headers[TRACE_PARENT_HEADER], headers[TRACE_STATE_HEADER])
    const span = tracer.start(`socket ${event}`, {
      kind: 'server',
      parent: parseTraceContext(parentIn(argument)),
      links: began === undefined ? [] : [began],
    })
    try {
      await tracer.run(span, work)
    } catch (error) {
      const code = error instanceof CoreError ? error.code : 'INTERNAL'
      span.set('error.type', code)
      if (code === 'INTERNAL') span.fail(code)
      throw error
    } finally {
      span.end()
    }
  }
}

/** Only what a gateway wrote in an `auth` event's place has one (#contract/socket-auth.ts). */
const parentIn = (argument: unknown): unknown =>
  typeof argument === 'object' && argument !== null && 'traceparent' in argument
    ? argument.traceparent
    : undefined
