import { io } from './socket.io.js'

const ACK_WITHIN_MS = 10_000
const TRY_AGAIN_MS = 2_000

/**
 * The live connection. The client library reconnects by itself; the server knows who we are only after the
 * `auth2` event, so that is sent on every connect. Without a `conf` event everything travels as plain objects.
 */
export function createConnection({ clientKey, token }, { onOnline, onOffline, onRefused, onEvent }) {
  const socket = io({ transports: ['websocket'], reconnectionDelay: 500, reconnectionDelayMax: 5_000 })
  let retry

  const later = (action) => {
    clearTimeout(retry)
    retry = setTimeout(action, TRY_AGAIN_MS)
  }

  const authenticate = () => {
    const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': token }
    socket.timeout(ACK_WITHIN_MS).emit('auth2', token, headers, (timedOut, answer) => {
      if (!socket.connected) return
      if (answer?.RC === 0) onOnline()
      else if (!timedOut && answer?.RC === 401) onRefused()
      else later(authenticate)
    })
  }

  socket.on('connect', authenticate)
  socket.on('disconnect', (reason) => {
    onOffline()
    // After these two the library leaves it to us.
    if (reason === 'io server disconnect') later(() => socket.connect())
  })
  socket.on('connect_error', () => {
    onOffline()
    if (!socket.active) later(() => socket.connect())
  })
  socket.onAny(onEvent)

  return {
    typing: (roomId, text) => socket.volatile.emit('typing', roomId, text),
    close: () => {
      clearTimeout(retry)
      socket.disconnect()
    },
  }
}
