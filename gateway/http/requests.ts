import { IncomingMessage, ServerResponse } from 'node:http'
import type { PlatformIdentity } from '#contract/identity.ts'
import { type ErrorCode, errorEntry, GatewayError } from '../errors.ts'
import type { TrustedProxies } from '../headers/forwarded.ts'
import { injectFields } from '../headers/inject.ts'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { passedTrace, type RequestTraces } from '../observe/request-traces.ts'
import type { Admission, Admit, Refusal } from '../pipeline.ts'
import { upgradeRefusal } from '../tunnel/clean-upgrade.ts'
import type { ClientRequest, ClientResponse } from '../upstream/client-exchange.ts'
import type { Forwarded } from './admitted.ts'
import { type Arrival, readArrival } from './arrival.ts'
import { corsFields, preflightFields } from './cors.ts'
import type { Demo } from './demo-routes.ts'
import { replyError } from './error-reply.ts'
import { needOf } from './needs.ts'
import { isSocketPath, needOfPolling, type Polling, SOCKET_PATH } from './polling.ts'
import type { RequestIds } from './request-id.ts'

const MAX_DISCARDED_BYTES = 65_536
const SAFE = new Set(['GET', 'HEAD'])

export type RequestsParts = {
  admit: Admit
  forward: Forwarded
  polling: Polling
  /** The embedded mode's demo, unauthenticated. */
  demo: Demo | undefined
  /** Undefined where nothing is traced. */
  traces: RequestTraces | undefined
  settings: LiveSettings
  requestIds: RequestIds
  metrics: Metrics
  audit: Audit
  log: Logger
}

/** Read anew with every request, since they may be reloaded. */
export type LiveSettings = {
  /** Where no app is known. */
  corsOrigins: readonly string[]
  trustedProxies: TrustedProxies
}

/** What every HTTP request goes through. */
export function createRequests(parts: RequestsParts): (req: ClientRequest, res: ClientResponse) => void {
  const { admit, metrics, audit, log, settings } = parts
  const openFields = (origin: string | undefined) => corsFields(origin, settings.corsOrigins)

  return (req, res) => {
    const arrival = readArrival(req, settings.trustedProxies)
    if ('refused' in arrival) {
      refuse(req, res, undefined, { ok: false, code: arrival.refused }, { close: true })
      return
    }
    const { method, path, headers } = arrival
    if (headers.forged > 0) {
      metrics.forged(headers.forged)
      audit.forged(headers.forged, { method, path, address: arrival.from.address })
    }
    if (method === 'OPTIONS') {
      res.writeHead(204, [...preflightFields(headers.origin, settings.corsOrigins)])
      res.end()
      return
    }
    if (parts.demo?.isDemoPath(path) && req instanceof IncomingMessage && res instanceof ServerResponse) {
      parts.demo.serve(req, res)
      return
    }
    if (parts.traces !== undefined) trace(res, arrival, parts.traces)
    const isSocket = isSocketPath(path)
    // Engine.IO answers everything below its path; only the one that is exchanged here may reach it.
    if (!isSocket && path.startsWith(SOCKET_PATH)) {
      refuse(req, res, arrival, { ok: false, code: 'NOT_FOUND' })
      return
    }
    // A clean upgrade never comes here.
    if (isSocket && req.headers.upgrade !== undefined) {
      const code = upgradeRefusal(req) ?? 'BAD_REQUEST'
      refuse(req, res, arrival, { ok: false, code }, { close: true })
      return
    }
    const from = isSocket ? { ...arrival.from, socket: true } : arrival.from
    const need = isSocket ? needOfPolling(arrival) : needOf(method, path, arrival.query)
    try {
      const admission =
        arrival.trace === undefined
          ? admit(headers.credentials, from, need)
          : arrival.trace.run(() => admit(headers.credentials, from, need))
      if (admission instanceof Promise)
        admission
          .then((settled) => proceed(req, res, arrival, settled))
          .catch((error) => fail(req, res, arrival, openFields(headers.origin), error))
      else proceed(req, res, arrival, admission)
    } catch (error) {
      fail(req, res, arrival, openFields(headers.origin), error)
    }
  }

  function proceed(req: ClientRequest, res: ClientResponse, arrival: Arrival, admission: Admission): void {
    const { headers } = arrival
    if (!admission.ok) {
      refuse(req, res, arrival, admission)
      return
    }
    const requestId = parts.requestIds.next(headers.requestId, arrival.viaProxy)
    const responseFields = corsFields(
      headers.origin,
      admission.proof?.settings.origins ?? settings.corsOrigins,
    )
    const traced = arrival.trace?.forward(requestId)
    const fields = injectFields(headers.endToEnd, {
      identity: admission.signed,
      address: arrival.from.address,
      scheme: arrival.scheme,
      host: arrival.host,
      requestId,
      trace: traced === undefined ? passedTrace(arrival) : traced.context,
    })
    const onDone = traced?.done
    const admitted = { req, res, arrival, admission, fields, responseFields, requestId, onDone }
    const failed = (code: ErrorCode, cause?: unknown, retryAfterS?: number) =>
      fail(req, res, arrival, responseFields, new GatewayError(code, { cause, retryAfterS }), requestId)
    if (admission.identity.kind === 'platform' && !SAFE.has(arrival.method))
      auditWrite(res, arrival, admission.identity, requestId)
    if (isSocketPath(arrival.path)) parts.polling.forward(admitted, failed)
    else parts.forward(admitted, failed)
  }

  function trace(res: ClientResponse, arrival: Arrival, traces: RequestTraces): void {
    const begun = traces.begin(arrival)
    arrival.trace = begun
    res.once('close', () => begun.end(res.headersSent ? res.statusCode : 0))
  }

  function auditWrite(res: ClientResponse, arrival: Arrival, by: PlatformIdentity, requestId: string): void {
    const { method, path, from } = arrival
    const { app, credentialId, userId } = by
    const actsForUser = userId !== undefined
    const what = { method, path, address: from.address, app, credentialId, requestId, actsForUser }
    res.once('close', () => audit.platformWrite(what, res.headersSent ? res.statusCode : 0))
  }

  /** A refusal is the caller's doing: counted, audited where it tells something, logged for who looks closely. */
  function refuse(
    req: ClientRequest,
    res: ClientResponse,
    arrival: Arrival | undefined,
    { code, retryAfterS }: Refusal,
    { close = false } = {},
  ): void {
    const method = req.method ?? ''
    const origin = arrival === undefined ? req.headers.origin : arrival.headers.origin
    const address = arrival?.from.address ?? req.socket.remoteAddress ?? ''
    metrics.refused(code)
    arrival?.trace?.failed(code)
    audit.refused(code, { method, path: arrival?.path, address, origin })
    log.debug({ reason: code, method, address }, 'refused')
    replyError(res, code, openFields(origin), { close: close || hasLongBody(req), retryAfterS })
  }

  /** A failure is ours or the core's: logged once, here. */
  function fail(
    req: ClientRequest,
    res: ClientResponse,
    arrival: Arrival,
    fields: readonly string[],
    error: unknown,
    requestId?: string,
  ): void {
    const known = error instanceof GatewayError ? error : new GatewayError('INTERNAL', { cause: error })
    const { code, retryAfterS } = known
    const { method, path } = arrival
    metrics.refused(code)
    arrival.trace?.failed(code)
    const level = errorEntry(code).status >= 500 ? 'warn' : 'debug'
    log[level]({ reason: code, method, path, requestId, err: known.cause ?? known }, 'failed')
    replyError(res, code, fields, { close: hasLongBody(req), retryAfterS })
  }
}

/** Node reads a refused request's body to its end for the sake of the connection; not worth it for long ones. */
function hasLongBody(req: ClientRequest): boolean {
  return (
    req.headers['transfer-encoding'] !== undefined ||
    Number(req.headers['content-length'] ?? 0) > MAX_DISCARDED_BYTES
  )
}
