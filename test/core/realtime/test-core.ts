import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pino from 'pino'
import type { CredentialChange } from '#contract/internal.ts'
import type { CameFrom, ChatOperations } from '../../../core/realtime/chat-operations.ts'
import type { RealtimeLimits } from '../../../core/realtime/limits.ts'
import type { NamedIdentity } from '../../../core/realtime/sessions.ts'
import { createSocketServer, type Realtime } from '../../../core/realtime/socket-server.ts'
import type { Scope } from '../../support/child-process.ts'
import { verifier } from './identities.ts'

/** A chat that keeps nothing but who is in which room. */
export type TestChat = ChatOperations & {
  roomsOf: Map<string, string[]>
  positionsOf: Map<string, { roomId: string; seq: number; evSeq: number }[]>
  logins: { app: string; userId: string; from: CameFrom }[]
  sent: { identity: NamedIdentity; payload: Record<string, unknown> }[]
  typed: { identity: NamedIdentity; roomId: string; text: string }[]
}

export function createTestChat(): TestChat {
  const chat: TestChat = {
    roomsOf: new Map(),
    positionsOf: new Map(),
    logins: [],
    sent: [],
    typed: [],
    roomIdsOf: async (_app, userId) => chat.roomsOf.get(userId) ?? [],
    latestPositions: async (_app, userId) => ({ rooms: chat.positionsOf.get(userId) ?? [], complete: true }),
    positionsOfUsers: async (_app, userIds) =>
      userIds.flatMap((userId) =>
        (chat.positionsOf.get(userId) ?? []).map((place) => ({ userId, ...place })),
      ),
    recordLogin: async (app, userId, from) => chat.logins.push({ app, userId, from }),
    sendMessage: async (identity, payload) => {
      chat.sent.push({ identity, payload })
      return { _id: `m${chat.sent.length}`, message: payload.message }
    },
    sendTyping: async (identity, input) => chat.typed.push({ identity, ...input }),
  }
  return chat
}

export type TestCore = {
  url: string
  port: number
  server: Server
  realtime: Realtime
  chat: TestChat
  change(change: Record<string, unknown>): void
  /** Lines of the log so far, and the next with a given message. */
  logged(message: string): Promise<Record<string, unknown>>
  /** Advances what the core takes for now; signatures are verified by the real clock. */
  advance(ms: number): void
}

export async function startSockets(
  t: Scope,
  options: { limits?: Partial<RealtimeLimits>; redisUrl?: string; chat?: TestChat; nodeId?: string } = {},
): Promise<TestCore> {
  const server = createServer((_request, response) => response.writeHead(404).end())
  const chat = options.chat ?? createTestChat()
  const listeners = new Set<(change: CredentialChange) => void>()
  const log = createTestLog()
  let offsetMs = 0
  let position = 0
  const realtime = createSocketServer({
    server,
    verifier,
    chat,
    feed: {
      subscribe(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    log: log.logger,
    nodeId: options.nodeId ?? 'node1',
    redisUrl: options.redisUrl,
    clock: () => Date.now() + offsetMs,
    limits: { sweepIntervalMs: 20, closeSpreadMs: 20, ...options.limits },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(async () => {
    await realtime.close()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    realtime,
    chat,
    change(change) {
      position += 1
      for (const listener of listeners) listener({ position, app: 'shop', ...change } as CredentialChange)
    },
    logged: log.logged,
    advance(ms) {
      offsetMs += ms
    },
  }
}

function createTestLog() {
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  const logger = pino(
    {},
    {
      write(text: string) {
        lines.push(JSON.parse(text))
        for (const look of waiting) look()
      },
    },
  )
  const logged = (message: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const look = () => {
        const line = lines.find(({ msg }) => msg === message)
        if (line === undefined) return
        waiting.delete(look)
        resolve(line)
      }
      waiting.add(look)
      look()
    })
  return { logger, logged }
}
