import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startGuarded } from '../../test/support/child-process.ts'
import { freePort } from '../../test/support/free-port.ts'
import { imageCommand } from '../../test/support/image-command.ts'
import { ANY_INSPECTOR_PORT, collectGarbage } from '../node-process.ts'
import type { Ability, Rival, Running, Setting } from '../rival.ts'

const ROOT = join(import.meta.dirname, '../..')
const READY_WITHIN_MS = 30_000
/** The load is one address, and far above what any limit allows. */
const UNLIMITED = '1000000000'

const ALL: readonly Ability[] = ['requests', 'open', 'tunnels', 'idle', 'exchange', 'tls', 'workers']

type GatewayOptions = Partial<Pick<Rival, 'abilities' | 'isNear'>> & {
  env?: Record<string, string>
  /** Node's own. */
  flags?: readonly string[]
}

/** The gateway of this directory, or of another state of the project, to see a change beside what it changes. */
export function gatewayOf(root: string, name: string, options: GatewayOptions = {}): Rival {
  const { env = {}, flags = [], abilities = ALL } = options
  return {
    name,
    authenticates: true,
    abilities,
    ...(options.isNear && { isNear: true }),
    start: (setting) => start(root, setting, { env, flags }),
  }
}

export const gateway: Rival = gatewayOf(ROOT, 'gateway', { isNear: true })

/** Without its fast lane: everything by `node:http`. */
export const gatewayByNode: Rival = gatewayOf(ROOT, 'gateway, node:http', {
  env: { FAST_LANE: 'off' },
  abilities: ['requests'],
  isNear: true,
})

/** With a young generation that costs little memory, and is collected often (docs/performance.md). */
export const smallGateway: Rival = gatewayOf(ROOT, 'gateway, small heap', {
  flags: ['--max-semi-space-size=2'],
  abilities: ['idle'],
})

type Start = { env: Record<string, string>; flags: readonly string[] }

async function start(root: string, setting: Setting, how: Start): Promise<Running> {
  const { workers = 1 } = setting
  if (workers === 1) return startOne(root, setting, how)
  const env = { ...how.env, GATEWAY_PORT: `${await freePort()}`, REUSE_PORT: 'on' }
  const all = await Promise.all(
    Array.from({ length: workers }, (_, cpu) =>
      startOne(root, { ...setting, pinned: ['taskset', '-c', `${cpu}`] }, { ...how, env }),
    ),
  )
  return {
    url: all[0]?.url ?? '',
    pids: all.flatMap(({ pids }) => pids),
    async stop() {
      await Promise.all(all.map((one) => one.stop()))
    },
  }
}

async function startOne(root: string, setting: Setting, { env, flags }: Start): Promise<Running> {
  const { upstreamUrl, coreInternalUrl, identityKeys, pinned, tls } = setting
  const [command = '', ...args] = [
    ...pinned,
    process.execPath,
    ANY_INSPECTOR_PORT,
    ...(await imageCommand('gateway', root)).flags,
    ...flags,
    join(root, 'gateway/main.ts'),
  ]
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
      ...(tls && { TLS_CERT_FILE: tls.certFile, TLS_KEY_FILE: tls.keyFile }),
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
  return {
    url: publicUrl,
    pids: [server.pid],
    collectGarbage: () => collectGarbage(server),
    stop: () => server.stop(),
  }
}
