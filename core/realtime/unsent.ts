import type { Socket } from 'socket.io'

/** Calls `onFull` once more than `maxBytes` wait to be sent on a connection. */
export function boundUnsent(conn: Socket['conn'], maxBytes: number, onFull: () => void): void {
  let unsentBytes = 0
  let full = false
  conn.on('flush', () => {
    unsentBytes = 0
  })
  conn.on('packetCreate', (packet: { data?: string | Buffer }) => {
    unsentBytes += packet.data?.length ?? 0
    if (unsentBytes <= maxBytes || full) return
    full = true
    // Not from inside the broadcast that filled it.
    setImmediate(onFull)
  })
}
