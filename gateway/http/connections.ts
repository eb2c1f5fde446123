import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TrustedProxies } from '../headers/forwarded.ts'
import { networkOf } from '../limits/network.ts'

/** How many connections there are, and of whom; so that no address takes them all. */
export type Connections = {
  /** Counts a connection until it closes; false: its address has too many. */
  admit(socket: Socket): boolean
  /** A connection of HTTP/1.1 that waits for requests, until it closes or becomes a tunnel. */
  opened(socket: Duplex): void
  upgraded(socket: Duplex): void
  /** Answers still due on a connection. */
  due(socket: Duplex): number
  began(socket: Duplex): void
  ended(socket: Duplex): void
  /** From now on a connection without an answer due is closed. */
  closeIdle(): void
  destroyAll(): void
  count(): number
}

export type ConnectionsParts = {
  maxPerAddress: number
  /** A proxy's connections are those of many. */
  settings: { trustedProxies: TrustedProxies }
}

export function createConnections({ maxPerAddress, settings }: ConnectionsParts): Connections {
  /** With what each is counted as. Listeners are shared: of tunnels there are many, and each closure would be theirs. */
  const all = new Map<Socket, string>()
  const perAddress = new Map<string, number>()
  /** Of connections that serve requests, the answers due. */
  const dueOn = new Map<Duplex, number>()
  let isClosingIdle = false

  function closeIfIdle(socket: Duplex): void {
    // A half-close first: what was written last still arrives.
    if (dueOn.get(socket) === 0) socket.end(() => socket.destroy())
  }

  function forget(this: Socket): void {
    const address = all.get(this) ?? ''
    all.delete(this)
    const left = (perAddress.get(address) ?? 1) - 1
    if (left > 0) perAddress.set(address, left)
    else perAddress.delete(address)
  }

  function forgetDue(this: Duplex): void {
    dueOn.delete(this)
  }

  return {
    admit(socket) {
      const { remoteAddress = '' } = socket
      const address = networkOf(remoteAddress)
      const count = (perAddress.get(address) ?? 0) + 1
      perAddress.set(address, count)
      all.set(socket, address)
      socket.on('close', forget)
      return count <= maxPerAddress || settings.trustedProxies.has(remoteAddress)
    },
    opened(socket) {
      dueOn.set(socket, 0)
      socket.on('close', forgetDue)
    },
    upgraded(socket) {
      socket.off('close', forgetDue)
      dueOn.delete(socket)
    },
    due: (socket) => dueOn.get(socket) ?? 0,
    began(socket) {
      dueOn.set(socket, (dueOn.get(socket) ?? 0) + 1)
    },
    ended(socket) {
      const due = dueOn.get(socket)
      if (due === undefined) return
      dueOn.set(socket, due - 1)
      if (isClosingIdle) closeIfIdle(socket)
    },
    closeIdle() {
      isClosingIdle = true
      for (const socket of dueOn.keys()) closeIfIdle(socket)
    },
    destroyAll() {
      for (const socket of all.keys()) socket.destroy()
    },
    count: () => all.size,
  }
}
