import { IDENTITY_HEADER } from './identity.ts'

/**
 * Sockets say who they are in an event, not in a header. The gateway takes every argument of such an event away
 * and puts one in their place: the signed identity, or why there is none. The event's ack id stays, so that the
 * core answers in the socket's own encoding.
 */
export const AUTH_EVENTS: readonly string[] = ['auth', 'auth2']

/** The key of a Socket.IO CONNECT payload that carries a `SocketAuth`'s identity. */
export const CONNECT_IDENTITY_KEY = IDENTITY_HEADER

export type SocketAuthRefusal = { code: string; RC: number }
export type SocketAuth = ({ identity: string } | { refused: SocketAuthRefusal }) & {
  /** What the exchange belongs to in traces, where there are any. */
  traceparent?: string
}

/** Undefined for whatever a gateway does not write: a raw token, a foreign shape. */
export function parseSocketAuth(value: unknown): SocketAuth | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('identity' in value && typeof value.identity === 'string') return { identity: value.identity }
  if (!('refused' in value) || typeof value.refused !== 'object' || value.refused === null) return undefined
  const { refused } = value
  if (!('code' in refused && 'RC' in refused)) return undefined
  if (typeof refused.code !== 'string' || !isErrorStatus(refused.RC)) return undefined
  return { refused: { code: refused.code, RC: refused.RC } }
}

function isErrorStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599
}
