import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, errorEntry, GatewayError } from '../errors.ts'
import { injectFields } from '../headers/inject.ts'
import { originAllowed } from '../headers/origin.ts'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { passedTrace, type RequestTraces } from '../observe/request-traces.ts'
import type { Admission, Admit, Refusal } from '../pipeline.ts'
import type { Tunnels } from '../tunnel/upgrade.ts'
import { type Arrival, readArrival } from './arrival.ts'
import { corsFields } from './cors.ts'
import { replyErrorRaw } from './error-reply.ts'
import { isSocketPath } from './polling.ts'
import type { RequestIds } from './request-id.ts'
import type { LiveSettings } from './requests.ts'

export type UpgradesParts = {
  admit: Admit
  tunnels: Tunnels
  /** Undefined where nothing is traced. */
  traces: RequestTraces | undefined
  settings: LiveSettings
  requestIds: RequestIds
  metrics: Metrics
  audit: Audit
  log: Logger
}

/** What every upgrade goes through: the same reading, admission and injection as a request, then a tunnel. */
export function createUpgrades(parts: UpgradesParts) {
  const { admit, tunnels, metrics, audit, log, settings } = parts

  function upgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    // Until the tunnel takes over, an error here only means that the client has left.
    socket.on('error', destroyThis)
    const arrival = readArrival(req, settings.trustedProxies)
    if ('refused' in arrival) {
      refuse(req, socket, undefined, { ok: false, code: arrival.refused })
      return
    }
    const { path, headers } = arrival
    if (headers.forged > 0) {
      metrics.forged(headers.forged)
      audit.forged(headers.forged, { method: arrival.method, path, address: arrival.from.address })
    }
    if (!isSocketPath(path)) {
      refuse(req, socket, arrival, { ok: false, code: 'NOT_FOUND' })
      return
    }
    arrival.trace = parts.traces?.begin(arrival)
    const from = { ...arrival.from, socket: true }
    try {
      const admission =
        arrival.trace === undefined
          ? admit(headers.credentials, from, 'socket')
          : arrival.trace.run(() => admit(headers.credentials, from, 'socket'))
      if (admission instanceof Promise)
        admission
          .then((settled) => proceed(req, socket, head, arrival, settled))
          .catch((error) => fail(socket, arrival, error))
      else proceed(req, socket, head, arrival, admission)
    } catch (error) {
      fail(socket, arrival, error)
    }
  }

  function proceed(
    req: IncomingMessage,
    socket: Socket,
    head: Buffer,
    arrival: Arrival,
    admission: Admission,
  ): void {
    const { headers } = arrival
    if (!admission.ok) {
      refuse(req, socket, arrival, admission)
      return
    }
    const origins = admission.proof?.settings.origins ?? settings.corsOrigins
    if (headers.origin !== undefined && !originAllowed(headers.origin, origins)) {
      refuse(req, socket, arrival, { ok: false, code: 'ORIGIN_NOT_ALLOWED' })
      return
    }
    const requestId = parts.requestIds.next(headers.requestId, arrival.viaProxy)
    const traced = arrival.trace?.forward(requestId)
    tunnels.upgrade({
      req,
      socket,
      head,
      admission,
      origin: { ...arrival.from, socket: true },
      target: arrival.path + arrival.query,
      host: arrival.host,
      fields: injectFields(headers.endToEnd, {
        identity: admission.signed,
        address: arrival.from.address,
        scheme: arrival.scheme,
        host: arrival.host,
        requestId,
        trace: traced === undefined ? passedTrace(arrival) : traced.context,
      }),
      responseFields: [...corsFields(headers.origin, origins), 'X-Request-ID', requestId],
      trace: arrival.trace,
    })
  }

  function refuse(
    req: IncomingMessage,
    socket: Socket,
    arrival: Arrival | undefined,
    { code, retryAfterS }: Refusal,
  ): void {
    const { method = '' } = req
    const { origin } = req.headers
    const address = arrival?.from.address ?? socket.remoteAddress ?? ''
    metrics.refused(code)
    audit.refused(code, { method, path: arrival?.path, address, origin })
    log.debug({ reason: code, address }, 'upgrade refused')
    endTrace(arrival, code)
    replyErrorRaw(socket, code, corsFields(origin, settings.corsOrigins), retryAfterS)
  }

  function fail(socket: Socket, arrival: Arrival, error: unknown): void {
    const known = error instanceof GatewayError ? error : new GatewayError('INTERNAL', { cause: error })
    const { code, retryAfterS } = known
    const level = errorEntry(code).status >= 500 ? 'warn' : 'debug'
    log[level]({ reason: code, path: arrival.path, err: known.cause ?? known }, 'upgrade failed')
    metrics.refused(code)
    endTrace(arrival, code)
    replyErrorRaw(socket, code, corsFields(arrival.headers.origin, settings.corsOrigins), retryAfterS)
  }

  return upgrade
}

function endTrace(arrival: Arrival | undefined, code: ErrorCode): void {
  arrival?.trace?.failed(code)
  arrival?.trace?.end(errorEntry(code).status)
}

/** Not a closure: as a listener it lives as long as the socket, and would keep the whole request alive. */
function destroyThis(this: Socket): void {
  this.destroy()
}
