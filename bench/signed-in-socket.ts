import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { requestText } from '../test/support/raw-http.ts'
import { frameBytes } from '../test/support/raw-websocket.ts'

const PING = Buffer.from([0x81, 1, 0x32])
const PONG = frameBytes('3')

/**
 * A WebSocket that is connected to the main namespace as its user, by its upgrade's headers, and answers pings.
 * @throws where it is refused, closed or left without an answer
 */
export async function openSignedIn(
  url: string,
  clientKey: string,
  token: string,
  withinMs: number,
): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), noDelay: true })
  socket.on('error', () => {})
  const signal = AbortSignal.timeout(withinMs)
  try {
    await once(socket, 'connect', { signal })
    socket.write(
      requestText('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `IM-Client-Key: ${clientKey}`,
        `IM-Authorization: ${token}`,
      ]),
    )
    let seen = ''
    let hasJoined = false
    const closed = once(socket, 'close', { signal }).then(() => {
      throw new Error(`closed after ${JSON.stringify(seen.slice(0, 12))}`)
    })
    closed.catch(() => {})
    while (!seen.includes('40{"sid"')) {
      const [bytes] = await Promise.race([once(socket, 'data', { signal }), closed])
      seen += bytes.toString('latin1')
      if (!seen.startsWith('HTTP/1.1 101')) throw new Error(`answered ${seen.slice(9, 12)}`)
      if (!hasJoined && seen.includes('0{"sid"')) {
        socket.write(frameBytes('40'))
        hasJoined = true
      }
    }
    socket.on('data', (bytes: Buffer) => {
      if (bytes.indexOf(PING) !== -1) socket.write(PONG)
    })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
