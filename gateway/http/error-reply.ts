import type { Duplex } from 'node:stream'
import { type ErrorCode, errorEntry } from '../errors.ts'
import type { ClientResponse } from '../upstream/client-exchange.ts'

/** Where nobody knows better. */
const RETRY_AFTER_S = 1

/** The contract's envelope; always an object, since a client's library reads `RC` from it unguarded. It is ASCII. */
function errorBody(code: ErrorCode, retryAfterS = RETRY_AFTER_S): string {
  const { status, message } = errorEntry(code)
  const retry = status === 429 ? { retryAfter: retryAfterS } : {}
  return JSON.stringify({ RC: status, RM: message, error: { code, message }, ...retry })
}

function errorFields(code: ErrorCode, body: string, retryAfterS = RETRY_AFTER_S): string[] {
  const { status, retryable } = errorEntry(code)
  const fields = ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', `${body.length}`]
  if (status === 401) fields.push('WWW-Authenticate', 'Bearer')
  if (retryable) fields.push('Retry-After', `${retryAfterS}`)
  return fields
}

/** Answers with an error; where the head is gone already, the connection is cut so that the client can tell. */
export function replyError(
  res: ClientResponse,
  code: ErrorCode,
  fields: readonly string[],
  options: { close?: boolean; retryAfterS?: number | undefined } = {},
): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const body = errorBody(code, options.retryAfterS)
  const head = [...fields, ...errorFields(code, body, options.retryAfterS)]
  if (options.close) head.push('Connection', 'close')
  res.writeHead(errorEntry(code).status, head)
  res.end(body, 'latin1')
}

/** The same on a bare socket: failed upgrades, and what Node's parser refused. */
export function replyErrorRaw(
  socket: Duplex,
  code: ErrorCode,
  fields: readonly string[],
  retryAfterS?: number,
): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = errorBody(code, retryAfterS)
  const { status } = errorEntry(code)
  const all = [...fields, ...errorFields(code, body, retryAfterS), 'Connection', 'close']
  let head = `HTTP/1.1 ${status} ${code}\r\n`
  for (let i = 0; i < all.length; i += 2) head += `${all[i]}: ${all[i + 1]}\r\n`
  socket.end(`${head}\r\n${body}`, 'latin1', () => socket.destroy())
}
