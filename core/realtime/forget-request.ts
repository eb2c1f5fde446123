import type { Socket } from 'socket.io'
import { TRACE_PARENT_HEADER, TRACE_STATE_HEADER } from '#contract/trace-context.ts'

/** What is asked of a connection's first request as long as the connection lives. */
const KEPT = ['user-agent', 'x-forwarded-for', TRACE_PARENT_HEADER, TRACE_STATE_HEADER]
const NO_HANDSHAKE = Object.freeze({ headers: Object.freeze({}), auth: Object.freeze({}) })

/**
 * Socket.IO keeps the request that a socket began with, all its headers and the payload of its CONNECT packet as long
 * as the socket lives: kilobytes for each that is idle, and the signed identity among them.
 */
export function forgetRequest(socket: Socket): void {
  const { conn } = socket
  const { headers } = conn.request
  const kept = KEPT.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]))
  Object.assign(conn, { request: { headers: Object.fromEntries(kept) } })
  Object.assign(socket, { handshake: NO_HANDSHAKE })
}
