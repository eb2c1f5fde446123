/** A Socket.IO server that its parent tells to broadcast: by Socket.IO itself, or by our delivery. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Server } from 'socket.io'
import { createDelivery } from '../../../core/realtime/delivery.ts'
import { DEFAULT_LIMITS } from '../../../core/realtime/limits.ts'
import { roomName } from '../../../core/realtime/room-names.ts'
import { machineMs } from './machine-clock.ts'

const server = createServer()
const io = new Server(server, { transports: ['websocket'], pingInterval: 300_000 })
const namespace = io.of('/')
const room = roomName('bench', 'r1', 'plain')
io.on('connection', (socket) => void socket.join(room))
const delivery = createDelivery(namespace, DEFAULT_LIMITS)
const payload = { _id: '0'.repeat(24), message: 'x'.repeat(300), room: 'r1', messageType: 'text' }
let used = process.cpuUsage()
let begunAtMs = 0
const pauses = monitorEventLoopDelay({ resolution: 1 })

process.on('message', (command) => {
  if (command === 'pauses') {
    pauses.disable()
    const { user, system } = process.cpuUsage(used)
    process.send?.({ begunAtMs, longestPauseMs: pauses.max / 1e6, cpuMs: (user + system) / 1_000 })
    return
  }
  pauses.reset()
  pauses.enable()
  // The watch has begun before what it is to see.
  setTimeout(() => {
    used = process.cpuUsage()
    begunAtMs = machineMs()
    if (command === 'bare') namespace.to(room).emit('chat message', payload)
    else delivery.deliver({ app: 'bench', to: { roomId: 'r1' }, event: 'chat message', payload })
  }, 50)
})

server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
