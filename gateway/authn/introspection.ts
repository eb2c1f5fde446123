import { Client, Pool } from 'undici'
import type { CredentialKind } from '#contract/credential.ts'
import type {
  CredentialChanges,
  Introspection,
  IntrospectionRequest,
  Provision,
  ProvisionRequest,
} from '#contract/internal.ts'
import { formatTraceParent, TRACE_PARENT_HEADER } from '#contract/trace-context.ts'
import type { Tracer } from '#contract/tracer.ts'
import { parseCredentialChanges, parseIntrospection, parseProvision } from './internal-answers.ts'

/**
 * The gateway's end of the core's internal API. Whatever is not a well-formed 200 throws: a core that fails
 * must never look like one that says no.
 */
export type IntrospectionClient = {
  introspect(kind: CredentialKind, digest: string): Promise<Introspection>
  /** Idempotent, like asking. */
  provision(request: ProvisionRequest): Promise<Provision>
  /** Changes after a position; waits up to `waitMs` for one. Never gives up by itself: the signal does. */
  changesAfter(position: number, waitMs: number, signal: AbortSignal): Promise<CredentialChanges>
  close(): Promise<void>
}

export type IntrospectionLimits = { connectMs: number; totalMs: number; connections: number }

export const DEFAULT_INTROSPECTION_LIMITS: IntrospectionLimits = {
  connectMs: 1_000,
  totalMs: 3_000,
  connections: 32,
}

const MAX_INTROSPECTION_BYTES = 262_144
const MAX_CHANGES_BYTES = 8_388_608

/** An idle connection that the core closed as we wrote on it; asking is idempotent, so once more is safe. */
const LOST_CONNECTION = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/** @param url The core's internal API, with or without a path. */
export function createIntrospectionClient(
  url: string,
  limits: IntrospectionLimits = DEFAULT_INTROSPECTION_LIMITS,
  tracer?: Tracer | undefined,
): IntrospectionClient {
  const { origin, pathname } = new URL(url)
  const base = pathname.replace(/\/+$/, '')
  const connect = { timeout: limits.connectMs }
  const lookups = new Pool(origin, {
    connect,
    connections: limits.connections,
    maxResponseSize: MAX_INTROSPECTION_BYTES,
  })
  // Of its own, so that the long poll neither waits for lookups nor holds one of their connections.
  const feed = new Client(origin, {
    connect,
    maxResponseSize: MAX_CHANGES_BYTES,
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  async function post(path: string, body: string): Promise<unknown> {
    const signal = AbortSignal.timeout(limits.totalMs)
    return postOnce(path, body, signal).catch((error: unknown) => {
      if (isLostConnection(error)) return postOnce(path, body, signal)
      throw error
    })
  }

  async function postOnce(path: string, body: string, signal: AbortSignal): Promise<unknown> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    const asking = tracer?.current()
    const span = asking && tracer?.start(`POST ${path}`, { kind: 'client', parent: asking.context })
    if (span !== undefined) headers[TRACE_PARENT_HEADER] = formatTraceParent(span.context)
    try {
      return await readJson(
        await lookups.request({ method: 'POST', path: `${base}${path}`, headers, body, signal }),
      )
    } catch (error) {
      span?.fail('AUTHENTICATION_UNAVAILABLE')
      throw error
    } finally {
      span?.end()
    }
  }

  return {
    async introspect(kind, digest) {
      const request: IntrospectionRequest = { kind, digest }
      return parseIntrospection(await post('/introspect', JSON.stringify(request)), kind)
    },

    async provision(request) {
      return parseProvision(await post('/provision', JSON.stringify(request)))
    },

    async changesAfter(position, waitMs, signal) {
      const path = `${base}/credential-changes?after=${position}&waitMs=${waitMs}`
      return parseCredentialChanges(await readJson(await feed.request({ method: 'GET', path, signal })))
    },

    async close() {
      await Promise.all([lookups.destroy(), feed.destroy()])
    },
  }
}

async function readJson({ statusCode, body }: Awaited<ReturnType<Pool['request']>>): Promise<unknown> {
  if (statusCode === 200) return body.json()
  await body.dump()
  throw new Error(`the core's internal API answered ${statusCode}`)
}

const isLostConnection = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && LOST_CONNECTION.has(String(error.code))
