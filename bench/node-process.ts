import { once } from 'node:events'
import { join } from 'node:path'
import { type GuardedProcess, startGuarded } from '../test/support/child-process.ts'
import type { Running, Setting } from './rival.ts'

/** For `collectGarbage`. */
export const ANY_INSPECTOR_PORT = '--inspect-port=127.0.0.1:0'

/** Through the inspector, which a process of Node starts when it is signalled to. */
export async function collectGarbage(server: GuardedProcess): Promise<void> {
  server.signal('SIGUSR1')
  const socket = new WebSocket(
    await server.waitForLine((line) => /^Debugger listening on (ws:\S+)/.exec(line)?.[1]),
  )
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
  await once(socket, 'message')
  socket.close()
}

/** A rival in Node: a program of `processes/`, told by its environment what to do, that says where it listens. */
export async function startNode(
  program: string,
  { upstreamUrl, coreInternalUrl, keys, identityKeys, pinned }: Setting,
  more: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const [command = '', ...args] = [
    ...pinned,
    process.execPath,
    ANY_INSPECTOR_PORT,
    join(import.meta.dirname, 'processes', program),
  ]
  const server = await startGuarded(command, args, {
    env: {
      PATH: process.env.PATH,
      UPSTREAM_URL: upstreamUrl,
      CORE_INTERNAL_URL: coreInternalUrl,
      IDENTITY_KEYS: identityKeys,
      APP: keys.app,
      CLIENT_KEY: keys.clientKey,
      ...more,
    },
  })
  const url = await server.waitForLine((line) => /^listening (\S+)$/.exec(line)?.[1])
  return { url, pids: [server.pid], stop: () => server.stop(), collectGarbage: () => collectGarbage(server) }
}
