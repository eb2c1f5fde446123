import type { ErrorCode } from '../errors.ts'
import type { CloseCode } from './frames.ts'

/**
 * Why the gateway closes a tunnel on its own account: the WebSocket close that the client gets, or, before its 101,
 * the HTTP error. Never a Socket.IO DISCONNECT: shipped clients reconnect on that at once and without end.
 */
export type CloseReason =
  | 'revoked'
  | 'expired'
  | 'app-changed'
  | 'draining'
  | 'idle'
  | 'anonymous-too-long'
  | 'protocol-violation'
  | 'forbidden-packet'
  | 'too-large'

export const CLOSES: Record<CloseReason, { code: CloseCode; text: string; error: ErrorCode }> = {
  revoked: { code: 4401, text: 'credential revoked', error: 'INVALID_TOKEN' },
  expired: { code: 4401, text: 'credential expired', error: 'INVALID_TOKEN' },
  'app-changed': { code: 1012, text: 'app changed', error: 'DRAINING' },
  draining: { code: 1001, text: 'going away', error: 'DRAINING' },
  idle: { code: 4408, text: 'idle', error: 'REQUEST_TIMEOUT' },
  'anonymous-too-long': { code: 4408, text: 'not authenticated', error: 'REQUEST_TIMEOUT' },
  'protocol-violation': { code: 1002, text: 'protocol error', error: 'BAD_REQUEST' },
  'forbidden-packet': { code: 1008, text: 'packet not allowed', error: 'BAD_REQUEST' },
  'too-large': { code: 1009, text: 'message too big', error: 'BAD_REQUEST' },
}
