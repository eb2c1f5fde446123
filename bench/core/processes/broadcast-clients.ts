/** So many clients of one Socket.IO server, as bare WebSockets. Tells its parent when the last of them has heard. */
import { WebSocket } from 'undici'
import { IDENTITY_HEADER } from '../../../core/contract/identity.ts'
import { machineMs } from './machine-clock.ts'

const [url = '', given = '0', identity] = process.argv.slice(2)
const count = Number(given)
const AT_ONCE = 100

let opened = 0
let ready = 0
let heard = 0

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    opened += 1
    const headers = { [IDENTITY_HEADER]: identity ?? `user-${opened}` }
    const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { headers })
    socket.onerror = () => reject(new Error('a client could not connect'))
    socket.onmessage = ({ data }: { data: unknown }) => {
      const packet = String(data)
      if (packet.startsWith('0')) socket.send('40')
      else if (packet === '2') socket.send('3')
      else if (packet.startsWith('40')) {
        ready += 1
        resolve()
      } else if (packet.startsWith('42')) {
        heard += 1
        if (heard % count === 0) process.send?.({ heardAtMs: machineMs() })
      }
    }
  })
}

while (ready < count) await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - ready) }, open))
process.send?.('ready')
