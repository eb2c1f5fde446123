import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startGuarded } from '../../test/support/child-process.ts'
import type { Rival, Running, Setting } from '../rival.ts'

const ROOT = join(import.meta.dirname, '../..')
const READY_WITHIN_MS = 30_000
/** The load is one address, and far above what any limit allows. */
const UNLIMITED = '1000000000'

/** `flags`: Node's own. */
type GatewayOptions = { env?: Record<string, string>; flags?: readonly string[] }

/** The gateway of this directory, or of another state of the project, to see a change beside what it changes. */
export function gatewayOf(root: string, name: string, { env = {}, flags = [] }: GatewayOptions = {}): Rival {
  return {
    name,
    authenticates: true,
    abilities: ['requests', 'tunnels', 'exchange'],
    start: (setting) => start(root, setting, { env, flags }),
  }
}

export const gateway: Rival = gatewayOf(ROOT, 'gateway')

/** Without its fast lane: everything by `node:http`. */
export const gatewayByNode: Rival = gatewayOf(ROOT, 'gateway, node:http', { env: { FAST_LANE: 'off' } })

/** With a young generation that costs little memory, and is collected often (docs/performance.md). */
export const smallGateway: Rival = gatewayOf(ROOT, 'gateway, small heap', {
  flags: ['--max-semi-space-size=2'],
})

async function start(
  root: string,
  setting: Setting,
  { env, flags }: Required<GatewayOptions>,
): Promise<Running> {
  const { upstreamUrl, coreInternalUrl, identityKeys, pinned } = setting
  const [command = '', ...args] = [...pinned, process.execPath, ...flags, join(root, 'gateway/main.ts')]
  const server = await startGuarded(command, args, {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      GATEWAY_PORT: '0',
      GATEWAY_ADMIN_PORT: '0',
      CORE_URLS: upstreamUrl,
      CORE_INTERNAL_URL: coreInternalUrl,
      IDENTITY_KEYS: identityKeys,
      LOG_LEVEL: 'info',
      RATE_LIMIT_PLATFORM: UNLIMITED,
      RATE_LIMIT_CLIENT: UNLIMITED,
      RATE_LIMIT_ADDRESS: UNLIMITED,
      RATE_LIMIT_REFUSED: UNLIMITED,
      MAX_CONNECTIONS_PER_ADDRESS: UNLIMITED,
      ...env,
    },
  })
  const { publicUrl, adminUrl } = await server.waitForLine((line) =>
    line.includes('"listening"') ? (JSON.parse(line) as { publicUrl: string; adminUrl: string }) : undefined,
  )
  const deadline = Date.now() + READY_WITHIN_MS
  while ((await fetch(`${adminUrl}/readyz`)).status !== 200) {
    if (Date.now() > deadline) throw new Error(`the gateway did not become ready\n${server.output()}`)
    await delay(25)
  }
  return { url: publicUrl, pids: [server.pid], stop: () => server.stop() }
}
