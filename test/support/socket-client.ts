import { createRequire } from 'node:module'
import type { Scope } from './child-process.ts'

/** The generations that shipped clients are built on; 2 speaks Engine.IO 3. */
export type SocketVersion = 2 | 3 | 4

/** What the three generations have in common. */
type AnySocket = {
  connected: boolean
  io: { on(event: string, listener: () => void): unknown }
  on(event: string, listener: (...args: unknown[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  close(): unknown
}

export type SocketOptions = {
  transports?: ('websocket' | 'polling')[]
  extraHeaders?: Record<string, string>
  /** The CONNECT packet's payload; generation 2 has none. */
  auth?: Record<string, unknown>
  reconnection?: boolean
}

export type TestSocket = {
  connected: Promise<void>
  isConnected(): boolean
  /** Engine.IO connections opened so far. */
  connections(): number
  /** Resolves with the reason, when the connection is lost. */
  disconnected: Promise<string>
  emit(event: string, ...args: unknown[]): void
  /** The first argument of the acknowledgement. */
  ask(event: string, ...args: unknown[]): Promise<unknown>
  /** The next event of that name that fits, received already or to come; those before it are dropped. */
  next(event: string, fits?: (payload: unknown) => boolean): Promise<unknown>
  close(): void
}

const PACKAGES = { 2: 'socket.io-client-v2', 3: 'socket.io-client-v3', 4: 'socket.io-client' } as const
const EVENTS = [
  'chat message',
  'room',
  'typing',
  'lastRead',
  'roomPref',
  'myPrefChange',
  'myPrefDelete',
  'invitation',
  'cancelInvitation',
]
const PATIENCE_MS = 10_000
const require = createRequire(import.meta.url)

export function connectSocket(
  t: Scope,
  version: SocketVersion,
  url: string,
  options: SocketOptions = {},
): TestSocket {
  const connect = require(PACKAGES[version])
  const { transports = ['websocket'], extraHeaders, auth, reconnection = true } = options
  const settings = {
    transports,
    forceNew: true,
    reconnection,
    reconnectionDelay: 50,
    ...(auth && { auth }),
    // Generation 2 knows extra headers for polling only; for websockets they are named by transport.
    ...(extraHeaders && {
      extraHeaders,
      transportOptions: { polling: { extraHeaders }, websocket: { extraHeaders } },
    }),
  }
  const socket: AnySocket = (connect.io ?? connect)(url, settings)
  t.teardown(() => socket.close())

  let connections = 0
  socket.io.on('open', () => {
    connections++
  })
  const received = new Map<string, unknown[]>(EVENTS.map((event) => [event, []]))
  const waiting = new Set<() => void>()
  for (const event of EVENTS) {
    socket.on(event, (payload) => {
      received.get(event)?.push(payload)
      for (const look of [...waiting]) look()
    })
  }
  const connected = within(
    'connection',
    new Promise<void>((resolve) => {
      socket.on('connect', () => resolve())
    }),
  )
  connected.catch(() => {})
  return {
    connected,
    isConnected: () => socket.connected,
    connections: () => connections,
    disconnected: new Promise<string>((resolve) => {
      socket.on('disconnect', (reason) => resolve(String(reason)))
    }),
    emit: (event, ...args) => {
      socket.emit(event, ...args)
    },
    ask: (event, ...args) =>
      within(
        `acknowledgement of ${event}`,
        new Promise((resolve) => {
          socket.emit(event, ...args, resolve)
        }),
      ),
    next(event, fits = () => true) {
      const queue = received.get(event)
      if (queue === undefined) throw new Error(`${event} is not among the recorded events`)
      let look = () => {}
      const found = new Promise<unknown>((resolve) => {
        look = () => {
          const at = queue.findIndex(fits)
          if (at < 0) return
          resolve(queue.splice(0, at + 1).at(-1))
        }
        waiting.add(look)
        look()
      })
      return within(event, found).finally(() => waiting.delete(look))
    },
    close: () => {
      socket.close()
    },
  }
}

/** Undoes the encoding that a socket asked for with `conf`: base64 of UTF-8 JSON. */
export function fromBase64(value: unknown): unknown {
  if (typeof value !== 'string') throw new Error(`not base64 text: ${JSON.stringify(value)}`)
  return JSON.parse(Buffer.from(value, 'base64').toString())
}

async function within<T>(what: string, result: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no ${what} in ${PATIENCE_MS} ms`)), PATIENCE_MS)
  try {
    return await Promise.race([result, promise])
  } finally {
    clearTimeout(timer)
  }
}
