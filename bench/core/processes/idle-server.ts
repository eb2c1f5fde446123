/** A server of idle sockets, bare Socket.IO or the core's, that tells its parent how large it is. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pino from 'pino'
import { Server } from 'socket.io'
import type { ChatOperations } from '../../../core/realtime/chat-operations.ts'
import { roomName, userRoomName } from '../../../core/realtime/room-names.ts'
import { createSocketServer } from '../../../core/realtime/socket-server.ts'

const APP = 'bench'
const ROOM_IDS = ['r1', 'r2', 'r3']

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const server = createServer()
const NAMES = { bare: startBare, ours: startOurs }
NAMES[process.argv[2] === 'bare' ? 'bare' : 'ours']()

/** As an app has it that puts a socket into its user's room and the rooms of its user. */
function startBare(): void {
  const io = new Server(server, { transports: ['websocket'] })
  io.on('connection', (socket) => {
    const userId = String(socket.handshake.headers['im-identity'])
    socket.data.userId = userId
    void socket.join([
      userRoomName(APP, userId, 'plain'),
      ...ROOM_IDS.map((roomId) => roomName(APP, roomId, 'plain')),
    ])
    socket.on('chat message', () => {})
    socket.on('typing', () => {})
  })
}

function startOurs(): void {
  const chat: ChatOperations = {
    roomIdsOf: async () => ROOM_IDS,
    latestPositions: async () => ({ rooms: [], complete: true }),
    positionsOfUsers: async () => [],
    recordLogin: async () => {},
    sendMessage: async () => ({}),
    sendTyping: async () => {},
  }
  const verifier = {
    verify: (text: unknown) => ({
      identity: {
        kind: 'client' as const,
        app: APP,
        userId: String(text),
        deviceId: undefined,
        credentialId: `c-${String(text)}`,
        expiresAtMs: undefined,
      },
    }),
  }
  createSocketServer({
    server,
    verifier,
    chat,
    feed: { subscribe: () => () => {} },
    log: pino({ level: 'silent' }),
    nodeId: 'bench',
    clock: Date.now,
  })
}

process.on('message', () => {
  collectGarbage()
  collectGarbage()
  const { heapUsed, external, rss } = process.memoryUsage()
  process.send?.({ usedBytes: heapUsed + external, residentBytes: rss })
})

server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
