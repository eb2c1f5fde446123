/** A connection as shipped clients open it: one of their generations, one transport, the credential in `auth2`. */
import { createRequire } from 'node:module'
import { asObject, type Json, type JsonValue } from '../support/api-client.ts'

type AnySocket = {
  on(event: string, listener: (...args: JsonValue[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  close(): unknown
}

export type SocketKind = { generation: 2 | 4; transport: 'websocket' | 'polling' }

export const SOCKET_KINDS: readonly SocketKind[] = [
  { generation: 4, transport: 'websocket' },
  { generation: 4, transport: 'polling' },
  { generation: 2, transport: 'websocket' },
  { generation: 2, transport: 'polling' },
]

export type ChatSocket = {
  /** The answer's RC (0 = done) and result; RC 0 never comes without an answer. */
  emit(event: string, ...args: unknown[]): Promise<{ RC: number; result: Json }>
  close(): void
}

type Listeners = {
  opened: (socket: ChatSocket) => void
  event: (name: 'chat message' | 'positions', payload: Json) => void
  /** Once. */
  closed: () => void
}

const PACKAGES = { 2: 'socket.io-client-v2', 4: 'socket.io-client' } as const
const NO_ANSWER = 599
const require = createRequire(import.meta.url)

export function openChatSocket(
  url: string,
  { generation, transport }: SocketKind,
  timeoutMs: number,
  listeners: Listeners,
): ChatSocket {
  const connect = require(PACKAGES[generation])
  const raw: AnySocket = (connect.io ?? connect)(url, {
    transports: [transport],
    forceNew: true,
    reconnection: false,
    timeout: timeoutMs,
  })
  let ended = false
  const unanswered = new Set<() => void>()
  const end = (): void => {
    if (ended) return
    ended = true
    clearTimeout(patience)
    for (const giveUp of [...unanswered]) giveUp()
    raw.close()
    listeners.closed()
  }
  // A paused server accepts and says nothing; not every generation's own timeout covers that.
  const patience = setTimeout(end, timeoutMs)
  const socket: ChatSocket = {
    emit: (event, ...args) =>
      new Promise((resolve) => {
        const answer = (value: JsonValue): void => {
          clearTimeout(timer)
          unanswered.delete(giveUp)
          const { RC, result } = asObject(value)
          resolve({ RC: typeof RC === 'number' ? RC : NO_ANSWER, result: asObject(result) })
        }
        const giveUp = (): void => answer(undefined)
        const timer = setTimeout(giveUp, timeoutMs)
        unanswered.add(giveUp)
        if (ended) giveUp()
        else raw.emit(event, ...args, answer)
      }),
    close: end,
  }
  raw.on('connect', () => {
    clearTimeout(patience)
    if (!ended) listeners.opened(socket)
  })
  for (const event of ['connect_error', 'error', 'disconnect']) raw.on(event, end)
  for (const name of ['chat message', 'positions'] as const)
    raw.on(name, (payload) => listeners.event(name, asObject(payload)))
  return socket
}
