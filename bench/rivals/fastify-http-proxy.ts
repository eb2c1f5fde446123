import { join } from 'node:path'
import { startGuarded } from '../../test/support/child-process.ts'
import type { Rival } from '../rival.ts'

const SERVER = join(import.meta.dirname, '../processes/fastify-http-proxy.ts')

export const fastifyHttpProxy: Rival = {
  name: '@fastify/http-proxy',
  authenticates: true,
  async start({ upstreamUrl, coreInternalUrl, keys, identityKeys, pinned }) {
    const [command = '', ...args] = [...pinned, process.execPath, SERVER]
    const server = await startGuarded(command, args, {
      env: {
        PATH: process.env.PATH,
        UPSTREAM_URL: upstreamUrl,
        CORE_INTERNAL_URL: coreInternalUrl,
        IDENTITY_KEYS: identityKeys,
        APP: keys.app,
        CLIENT_KEY: keys.clientKey,
      },
    })
    const url = await server.waitForLine((line) => /^listening (\S+)$/.exec(line)?.[1])
    return { url, pids: [server.pid], stop: () => server.stop() }
  },
}
