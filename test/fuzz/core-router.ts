import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { routes } from '../../core/http/routes.ts'
import { buildPublicServer } from '../../core/http/server.ts'
import { createLog } from '../../core/observe/log.ts'
import { createMetrics } from '../../core/observe/metrics.ts'

export type CoreRouter = {
  /** The pattern of the route that the core's own router finds for a target; undefined = none. */
  routeOf(method: string, target: string): Promise<string | undefined>
  close(): Promise<void>
}

/** `METHOD pattern` of every endpoint. */
export const endpoints: readonly string[] = routes.map(({ method, path }) => `${method} ${path}`)

/** The core's real server, with everything behind its router cut off. */
export async function openCoreRouter(): Promise<CoreRouter> {
  const server = buildPublicServer({
    chat: neverUsed(),
    verifier: neverUsed(),
    credentials: neverUsed(),
    readiness: neverUsed(),
    nodeId: 'n',
    metrics: createMetrics(),
    log: createLog('silent'),
  })
  // Hooks of the server run before those of a route: nothing else of the route does.
  server.addHook('onRequest', async (request, reply) => reply.send(request.routeOptions.url ?? ''))
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    async routeOf(method, path) {
      // Node sends the path as it is; only what no path may hold is refused.
      const asking = request({ host: '127.0.0.1', port, agent, method, path }).end()
      const [answer] = await once(asking, 'response')
      let text = ''
      for await (const chunk of answer) text += chunk
      return answer.statusCode === 200 && text !== '' ? text : undefined
    },
    async close() {
      agent.destroy()
      await server.close()
    },
  }
}

function neverUsed<T extends object>(): T {
  return new Proxy({} as T, {
    get(_target, name) {
      throw new Error(`${String(name)} was reached`)
    },
  })
}
