import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Scope } from './child-process.ts'

export type TcpBalancer = {
  url: string
  /** Where new connections go from now on; those that stand, stay. */
  setTargets(urls: readonly string[]): void
}

/** A plain balancer of connections: each to the next that takes it. It knows nothing of what goes through. */
export async function startTcpBalancer(t: Scope, urls: readonly string[]): Promise<TcpBalancer> {
  let targets = [...urls]
  let turn = 0
  const sockets = new Set<Socket>()

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  }

  function serve(client: Socket, attempts: number): void {
    const target = targets[turn++ % targets.length]
    if (target === undefined || attempts === 0) {
      client.destroy()
      return
    }
    const { hostname, port } = new URL(target)
    const server = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true })
    let isConnected = false
    keep(server)
    server.once('connect', () => {
      isConnected = true
      client.pipe(server).pipe(client)
    })
    server.once('close', () => {
      if (isConnected) client.destroy()
      else serve(client, attempts - 1)
    })
    client.once('close', () => server.destroy())
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    keep(client)
    serve(client, targets.length)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    setTargets(next) {
      targets = [...next]
    },
  }
}
