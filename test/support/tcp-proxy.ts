import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Scope } from './child-process.ts'

/** What happens to the bytes of one direction from now on, on connections that stand as well as on new ones. */
export type Passage = {
  /** Every chunk arrives so much later. */
  delayMs: number
  /** Nothing arrives, nothing ends: a partition as either side sees it. What was sent meanwhile comes afterwards. */
  blackhole: boolean
  /** Undefined = as fast as it comes. */
  bytesPerSecond: number | undefined
}

export type TcpProxy = {
  port: number
  url: string
  /** Client → server, and server → client. */
  up: Passage
  down: Passage
  /** Both directions, and new connections: accepted by the kernel, answered by nobody. */
  partition(): void
  /** Undoes whatever was done to either direction; what was held back arrives. */
  heal(): void
  /** Resets every connection that stands. */
  cut(): void
  /** Resets them, and refuses new ones until `accept`. */
  refuse(): Promise<void>
  accept(): Promise<void>
  connections(): number
  close(): Promise<void>
}

const TICK_MS = 20
const FREE: Passage = { delayMs: 0, blackhole: false, bytesPerSecond: undefined }

export type TcpProxyOptions = {
  /** Only connections that begin like this have the passages' troubles; for the others the network is fine. */
  only?: (firstBytes: Buffer) => boolean
}

/** Stands between two ends and is the network between them. `target` is a URL or `host:port`. */
export async function startTcpProxy(
  t: Scope,
  target: string,
  { only }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const { protocol, hostname, port } = new URL(target.includes('://') ? target : `tcp://${target}`)
  const sockets = new Set<Socket>()
  const pumps = new Set<() => void>()
  const up = { ...FREE }
  const down = { ...FREE }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    let isConcerned = only === undefined
    if (only !== undefined)
      client.once('data', (bytes) => {
        isConcerned = only(bytes)
      })
    for (const [from, to, troubled] of [
      [client, upstream, up],
      [upstream, client, down],
    ] as const) {
      const passage = (): Passage => (isConcerned ? troubled : FREE)
      const pump = relay(from, to, passage)
      pumps.add(pump)
      sockets.add(from)
      from.once('close', () => {
        sockets.delete(from)
        pump()
      })
      to.once('close', () => pumps.delete(pump))
    }
  })
  const listen = async (on: number): Promise<void> => {
    server.listen(on, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const own = (server.address() as AddressInfo).port
  const ticking = setInterval(() => {
    for (const pump of [...pumps]) pump()
  }, TICK_MS)

  const cut = (): void => {
    for (const socket of [...sockets]) socket.resetAndDestroy()
  }
  const refuse = async (): Promise<void> => {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    cut()
    await closed
  }
  const close = async (): Promise<void> => {
    clearInterval(ticking)
    await refuse()
  }
  t.teardown(close)

  return {
    port: own,
    url: `${protocol}//127.0.0.1:${own}`,
    up,
    down,
    partition() {
      up.blackhole = down.blackhole = true
    },
    heal() {
      Object.assign(up, FREE)
      Object.assign(down, FREE)
    },
    cut,
    refuse,
    accept: async () => {
      if (!server.listening) await listen(own)
    },
    connections: () => Math.ceil(sockets.size / 2),
    close,
  }
}

/** One direction: chunks wait in line until their time has come. */
function relay(from: Socket, to: Socket, passage: () => Passage): () => void {
  const waiting: { bytes: Buffer; dueMs: number }[] = []
  let ended = false
  let sentAtMs = performance.now()

  function pump(): void {
    const { blackhole, bytesPerSecond } = passage()
    if (blackhole) return
    const nowMs = performance.now()
    let budget = bytesPerSecond === undefined ? Infinity : ((nowMs - sentAtMs) / 1_000) * bytesPerSecond
    sentAtMs = nowMs
    while (waiting[0] !== undefined && waiting[0].dueMs <= nowMs && budget >= 1) {
      const { bytes } = waiting[0]
      const part = bytes.subarray(0, Math.floor(Math.min(budget, bytes.length)))
      budget -= part.length
      to.write(part)
      if (part.length === bytes.length) waiting.shift()
      else waiting[0].bytes = bytes.subarray(part.length)
    }
    if (waiting.length > 0) return
    if (ended) to.end()
    // An end that was passed on is one; a connection that is gone without is a reset.
    else if (from.destroyed) to.resetAndDestroy()
  }

  // `close` follows every error.
  from.setNoDelay(true).on('error', () => undefined)
  from.on('data', (bytes) => {
    const { delayMs, bytesPerSecond } = passage()
    waiting.push({ bytes, dueMs: performance.now() + delayMs })
    if (bytesPerSecond === undefined) pump()
  })
  from.on('end', () => {
    ended = true
    pump()
  })
  return pump
}
