import { type IncomingMessage, ServerResponse } from 'node:http'
import { IDENTITY_HEADER, type Identity } from '#contract/identity.ts'
import type { Verified } from '#contract/signature.ts'
import { type ErrorCode, errorEntry } from '../errors.ts'
import { failure } from '../wire/envelope.ts'
import type { Session, Sessions } from './sessions.ts'

export type Verifier = { verify(text: unknown): Verified }

export type Gate = {
  /** Engine.IO middleware: every polling request and every upgrade passes it, or is answered here. */
  check(request: IncomingMessage, response: unknown, next: () => void): void
  /** Who made a request that passed. */
  visitorOf(request: IncomingMessage): Identity | undefined
}

/**
 * The gateway signs every request to `/socket.io/`, if only as anonymous. A request for an existing session must
 * come from whom the session belongs to, whichever transport it uses: an Engine.IO session id is no credential.
 */
export function createGate(
  verifier: Verifier,
  sessions: Sessions,
  isClosing: () => boolean,
  maxConnections: number,
): Gate {
  const visitors = new WeakMap<IncomingMessage, Identity>()

  function refusalOf(request: IncomingMessage): ErrorCode | undefined {
    if (isClosing()) return 'SHUTTING_DOWN'
    const verified = verifier.verify(request.headers[IDENTITY_HEADER])
    if ('refused' in verified) return 'UNAUTHORIZED'
    const ids = sessionIdsOf(request)
    // Engine.IO reads the last of several, the gateway routes by its own reading: there must be one.
    if (ids.length > 1) return 'INVALID_QUERY'
    if (ids[0] === undefined && sessions.count() >= maxConnections) return 'TOO_MANY_REQUESTS'
    const session = ids[0] === undefined ? undefined : sessions.get(ids[0])
    if (session !== undefined && !mayUse(session, verified.identity)) return 'PERMISSION_DENIED'
    visitors.set(request, verified.identity)
    return undefined
  }

  return {
    check(request, response, next) {
      const code = refusalOf(request)
      if (code !== undefined) return refuse(request, response, code)
      next()
      // Engine.IO's stand-in for an upgrade's response lives as long as the connection, and would hold the request.
      if (!(response instanceof ServerResponse)) Object.assign(Object(response), { req: undefined })
    },
    visitorOf: (request) => visitors.get(request),
  }
}

/**
 * Clients that name themselves in headers do so on every request; those that do it in the `auth` event send every
 * request as anonymous, before it and after.
 */
function mayUse({ handshake, identity }: Session, visitor: Identity): boolean {
  if (handshake.kind !== 'anonymous') return isSame(handshake, visitor)
  if (visitor.kind !== 'anonymous' && identity.kind !== 'anonymous') return isSame(identity, visitor)
  return handshake.app === undefined || visitor.app === undefined || handshake.app === visitor.app
}

function isSame(one: Identity, other: Identity): boolean {
  if (one.kind === 'anonymous' || other.kind === 'anonymous') return false
  return one.kind === other.kind && one.app === other.app && one.userId === other.userId
}

function sessionIdsOf(request: IncomingMessage): string[] {
  return new URL(request.url ?? '/', 'http://core').searchParams.getAll('sid')
}

function refuse(request: IncomingMessage, response: unknown, code: ErrorCode): void {
  const { status } = errorEntry(code)
  const body = JSON.stringify(failure(code))
  if (response instanceof ServerResponse) {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body)
    return
  }
  // Of an upgrade there is only the bare connection, and Engine.IO would answer it with 400 or not at all.
  const { socket } = request
  socket.on('error', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
