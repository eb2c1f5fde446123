/**
 * Sockets are read and written past their streams by what Node keeps to itself (gateway/node-socket.ts). On a Node that
 * has something else it goes by the streams, and everything holds as well: so what is said of the lane, the way to a core
 * and the tunnels is run again here, with the handles of all sockets made to look like others.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { handleOf } from '../../gateway/node-socket.ts'

const FILES = [
  'http/lane.test.ts',
  'upstream/forward.test.ts',
  'upstream/retries.test.ts',
  'upstream/streams.test.ts',
  'tunnel/tunnel.test.ts',
]

const server = createServer()
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { _handle: handle } = server as unknown as { _handle: object }
Object.defineProperty(Object.getPrototypeOf(handle), 'writeQueueSize', { get: () => undefined })
const socket = connect(server.address() as { port: number })
await once(socket, 'connect')
t.equal(handleOf(socket), undefined)
socket.destroy()
server.close()

for (const file of FILES) await import(join(import.meta.dirname, file))
