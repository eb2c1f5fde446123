import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below those that Linux gives to connections and to listeners on port 0 (`ip_local_port_range`, 32 768 and up): one of
 * those would sooner or later be another test's while a service that comes back to its port is away.
 */
const FIRST_PORT = 20_000
const END_PORT = 32_768

/**
 * A port that was free a moment ago, for servers that cannot say which port they were given, or that come back to the
 * same. Another process may take it first: whoever starts a server on it tries again with the next.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, END_PORT)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
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
