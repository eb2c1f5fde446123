import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type ErrorCode, errorEntry, GatewayError } from '../errors.ts'
import type { TrustedProxies } from '../headers/forwarded.ts'
import { injectFields } from '../headers/inject.ts'
import type { Logger } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Admission, Admit } from '../pipeline.ts'
import { upgradeRefusal } from '../tunnel/clean-upgrade.ts'
import type { Forwarded } from './admitted.ts'
import { type Arrival, readArrival } from './arrival.ts'
import { corsFields, preflightFields } from './cors.ts'
import { replyError } from './error-reply.ts'
import { needOf } from './needs.ts'
import { isSocketPath, type Polling, SOCKET_PATH } from './polling.ts'
import type { RequestIds } from './request-id.ts'

const MAX_DISCARDED_BYTES = 65_536

export type RequestsParts = {
  admit: Admit
  forward: Forwarded
  polling: Polling
  /** Whether an address is the gateway's own; such requests go to Fastify's routes. */
  isOwn(path: string): boolean
  corsOrigins: readonly string[]
  trustedProxies: TrustedProxies
  requestIds: RequestIds
  metrics: Metrics
  log: Logger
}

/** What every HTTP request goes through; `own` is Fastify's listener for the gateway's own addresses. */
export function createRequests(parts: RequestsParts): (own: RequestListener) => RequestListener {
  const { admit, metrics, log } = parts
  const openFields = (origin: string | undefined) => corsFields(origin, parts.corsOrigins)

  return (own) => (req, res) => {
    const arrival = readArrival(req, parts.trustedProxies)
    if ('refused' in arrival) {
      refuse(req, res, arrival.refused, openFields(req.headers.origin), { close: true })
      return
    }
    const { method, path, headers } = arrival
    if (method === 'OPTIONS') {
      res.writeHead(204, [...preflightFields(headers.origin, parts.corsOrigins)])
      res.end()
      return
    }
    if (parts.isOwn(path)) {
      own(req, res)
      return
    }
    const isSocket = isSocketPath(path)
    // Engine.IO answers everything below its path; only the one that is exchanged here may reach it.
    if (!isSocket && path.startsWith(SOCKET_PATH)) {
      refuse(req, res, 'NOT_FOUND', openFields(headers.origin), { close: false })
      return
    }
    // A clean upgrade never comes here.
    if (isSocket && req.headers.upgrade !== undefined) {
      refuse(req, res, upgradeRefusal(req) ?? 'BAD_REQUEST', openFields(headers.origin), { close: true })
      return
    }
    const from = isSocket ? { ...arrival.from, socket: true } : arrival.from
    try {
      const admission = admit(headers.credentials, from, isSocket ? 'socket' : needOf(method, path))
      if (admission instanceof Promise)
        admission.then(
          (settled) => proceed(req, res, arrival, settled),
          (error) => fail(req, res, arrival, openFields(headers.origin), codeOf(error), error),
        )
      else proceed(req, res, arrival, admission)
    } catch (error) {
      fail(req, res, arrival, openFields(headers.origin), codeOf(error), error)
    }
  }

  function proceed(req: IncomingMessage, res: ServerResponse, arrival: Arrival, admission: Admission): void {
    const { headers } = arrival
    if (!admission.ok) {
      refuse(req, res, admission.code, openFields(headers.origin), { close: false })
      return
    }
    const requestId = parts.requestIds.next(headers.requestId, arrival.viaProxy)
    const responseFields = corsFields(headers.origin, admission.proof?.settings.origins ?? parts.corsOrigins)
    const fields = injectFields(headers.endToEnd, {
      signedIdentity: admission.signed,
      address: arrival.from.address,
      scheme: arrival.scheme,
      host: headers.host,
      requestId,
    })
    const admitted = { req, res, arrival, admission, fields, responseFields, requestId }
    const failed = (code: ErrorCode, cause?: unknown) => fail(req, res, arrival, responseFields, code, cause)
    if (isSocketPath(arrival.path)) parts.polling.forward(admitted, failed)
    else parts.forward(admitted, failed)
  }

  /** A refusal is the caller's doing: counted, and logged only for who looks closely. */
  function refuse(
    req: IncomingMessage,
    res: ServerResponse,
    code: ErrorCode,
    fields: readonly string[],
    options: { close: boolean },
  ): void {
    metrics.refused(code)
    log.debug({ reason: code, method: req.method, address: req.socket.remoteAddress }, 'refused')
    replyError(res, code, fields, { close: options.close || hasLongBody(req) })
  }

  /** A failure is ours or the core's: logged once, here. */
  function fail(
    req: IncomingMessage,
    res: ServerResponse,
    arrival: Arrival,
    fields: readonly string[],
    code: ErrorCode,
    cause: unknown,
  ): void {
    metrics.refused(code)
    const level = errorEntry(code).status >= 500 ? 'warn' : 'debug'
    log[level]({ reason: code, method: arrival.method, path: arrival.path, err: cause }, 'failed')
    replyError(res, code, fields, { close: hasLongBody(req) })
  }
}

const codeOf = (error: unknown): ErrorCode => (error instanceof GatewayError ? error.code : 'INTERNAL')

/** Node reads a refused request's body to its end for the sake of the connection; not worth it for long ones. */
function hasLongBody(req: IncomingMessage): boolean {
  return (
    req.headers['transfer-encoding'] !== undefined ||
    Number(req.headers['content-length'] ?? 0) > MAX_DISCARDED_BYTES
  )
}
