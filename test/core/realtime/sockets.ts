import { createRequire } from 'node:module'
import { io as v4 } from 'socket.io-client'
import type { NamedIdentity } from '../../../core/realtime/sessions.ts'
import type { Scope } from '../../support/child-process.ts'
import { anonymous, sign } from './identities.ts'

const require = createRequire(import.meta.url)

/** What the three generations of clients have in common. */
export type TestSocket = {
  id: string
  connected: boolean
  on(event: string, listener: (...args: unknown[]) => void): unknown
  once(event: string, listener: (...args: unknown[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  close(): unknown
  io: {
    engine: {
      id: string
      close(): unknown
      on(event: string, listener: (...args: unknown[]) => void): unknown
    }
  }
}

type Connect = (url: string, options: object) => TestSocket
const v2: Connect = require('socket.io-client-v2')
const v3: Connect = require('socket.io-client-v3').io
const connectors: Record<'v2' | 'v3' | 'v4', Connect> = {
  v2,
  v3,
  v4: (url, options) => {
    const socket: unknown = v4(url, options)
    return socket as TestSocket
  },
}

export type ClientOptions = {
  version?: 'v2' | 'v3' | 'v4'
  transport?: 'websocket' | 'polling'
  /** The handshake's header, as the gateway would set it. */
  header?: string | undefined
  headers?: Record<string, string>
  auth?: object
  reconnection?: boolean
}

/** A client that is not waited for. */
export function dial(t: Scope, core: { url: string }, options: ClientOptions = {}): TestSocket {
  const extraHeaders = { 'im-identity': options.header ?? sign(anonymous), ...options.headers }
  const socket = connectors[options.version ?? 'v4'](core.url, {
    forceNew: true,
    // Generation 2 would take Node's own WebSocket, which cannot send headers.
    forceNode: true,
    reconnection: options.reconnection ?? false,
    transports: [options.transport ?? 'websocket'],
    extraHeaders,
    transportOptions: { polling: { extraHeaders }, websocket: { extraHeaders } },
    ...(options.auth && { auth: options.auth }),
  })
  t.teardown(() => socket.close())
  return socket
}

export async function connect(
  t: Scope,
  core: { url: string },
  options: ClientOptions = {},
): Promise<TestSocket> {
  const socket = dial(t, core, options)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('connect_error', (error) => reject(error))
  })
  return socket
}

/** Emits with an ack, and resolves with its arguments. */
export const ask = (socket: TestSocket, event: string, ...args: unknown[]): Promise<unknown[]> =>
  new Promise((resolve) => socket.emit(event, ...args, (...answer: unknown[]) => resolve(answer)))

export const heard = (socket: TestSocket, event: string): Promise<unknown> =>
  new Promise((resolve) => socket.once(event, (payload) => resolve(payload)))

/** A connected client, identified as the gateway would do it. */
export async function join(
  t: Scope,
  core: { url: string },
  identity: NamedIdentity,
  options: ClientOptions & { base64?: boolean } = {},
): Promise<TestSocket> {
  const socket = await connect(t, core, options)
  if (options.base64) await ask(socket, 'conf', { encoding: 'base64' })
  await ask(socket, 'auth2', { identity: sign(identity) })
  return socket
}

export const unbase64 = (text: unknown): unknown => JSON.parse(Buffer.from(String(text), 'base64').toString())

/** The first payloads of an event, as soon as there are that many. */
export const collect = (socket: TestSocket, event: string, count: number): Promise<unknown[]> =>
  new Promise((resolve) => {
    const payloads: unknown[] = []
    socket.on(event, (payload) => {
      payloads.push(payload)
      if (payloads.length === count) resolve(payloads)
    })
  })

/** Everything a socket is told, in order. */
export function record(socket: TestSocket, events: string[]): { event: string; payload: unknown }[] {
  const told: { event: string; payload: unknown }[] = []
  for (const event of events) socket.on(event, (payload) => told.push({ event, payload }))
  return told
}

/** Resolves once whatever the server had sent a socket before has arrived: the answer comes after it. */
export const settled = (socket: TestSocket): Promise<unknown> => ask(socket, 'typing')
