import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * A port that was free a moment ago, for servers that cannot say which port they were given. Another process may
 * take it first: whoever starts a server on it tries again with the next.
 */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export async function onFreePort<T>(start: (port: number) => Promise<T>, attempts = 3): Promise<T> {
  for (let left = attempts; ; left--) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (left <= 1) throw error
    }
  }
}
