import { join } from 'node:path'
import { startGuarded } from '../test/support/child-process.ts'
import type { Running, Setting } from './rival.ts'

/** A rival in Node: a program of `processes/`, told by its environment what to do, that says where it listens. */
export async function startNode(
  program: string,
  { upstreamUrl, coreInternalUrl, keys, identityKeys, pinned }: Setting,
  more: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const [command = '', ...args] = [
    ...pinned,
    process.execPath,
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
  return { url, pids: [server.pid], stop: () => server.stop() }
}
