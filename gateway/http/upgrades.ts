import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, errorEntry, GatewayError } from '../errors.ts'
import type { TrustedProxies } from '../headers/forwarded.ts'
import { injectFields } from '../headers/inject.ts'
import type { Logger } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Admission, Admit } from '../pipeline.ts'
import type { Tunnels } from '../tunnel/upgrade.ts'
import { type Arrival, readArrival } from './arrival.ts'
import { corsFields, originAllowed } from './cors.ts'
import { replyErrorRaw } from './error-reply.ts'
import { isSocketPath } from './polling.ts'
import type { RequestIds } from './request-id.ts'

export type UpgradesParts = {
  admit: Admit
  tunnels: Tunnels
  corsOrigins: readonly string[]
  trustedProxies: TrustedProxies
  requestIds: RequestIds
  metrics: Metrics
  log: Logger
}

/** What every upgrade goes through: the same reading, admission and injection as a request, then a tunnel. */
export function createUpgrades(parts: UpgradesParts) {
  const { admit, tunnels, metrics, log } = parts

  function upgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    // Until the tunnel takes over, an error here only means that the client has left.
    socket.on('error', () => socket.destroy())
    const arrival = readArrival(req, parts.trustedProxies)
    if ('refused' in arrival) {
      refuse(socket, arrival.refused)
      return
    }
    if (!isSocketPath(arrival.path)) {
      refuse(socket, 'NOT_FOUND')
      return
    }
    const from = { ...arrival.from, socket: true }
    try {
      const admission = admit(arrival.headers.credentials, from, 'socket')
      if (admission instanceof Promise)
        admission.then(
          (settled) => proceed(req, socket, head, arrival, settled),
          (error) => fail(socket, arrival, error),
        )
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
      refuse(socket, admission.code)
      return
    }
    const origins = admission.proof?.settings.origins ?? parts.corsOrigins
    if (headers.origin !== undefined && !originAllowed(headers.origin, origins)) {
      refuse(socket, 'ORIGIN_NOT_ALLOWED')
      return
    }
    const requestId = parts.requestIds.next(headers.requestId, arrival.viaProxy)
    tunnels.upgrade({
      req,
      socket,
      head,
      admission,
      origin: { ...arrival.from, socket: true },
      target: arrival.path + arrival.query,
      host: headers.host,
      fields: injectFields(headers.endToEnd, {
        signedIdentity: admission.signed,
        address: arrival.from.address,
        scheme: arrival.scheme,
        host: headers.host,
        requestId,
      }),
      responseFields: [...corsFields(headers.origin, origins), 'X-Request-ID', requestId],
    })
  }

  function refuse(socket: Socket, code: ErrorCode): void {
    metrics.refused(code)
    log.debug({ reason: code, address: socket.remoteAddress }, 'upgrade refused')
    replyErrorRaw(socket, code, corsFields(undefined, parts.corsOrigins))
  }

  function fail(socket: Socket, arrival: Arrival, error: unknown): void {
    const code = error instanceof GatewayError ? error.code : 'INTERNAL'
    const level = errorEntry(code).status >= 500 ? 'warn' : 'debug'
    log[level]({ reason: code, path: arrival.path, err: error }, 'upgrade failed')
    metrics.refused(code)
    replyErrorRaw(socket, code, corsFields(arrival.headers.origin, parts.corsOrigins))
  }

  return upgrade
}
