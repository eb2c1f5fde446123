import { join } from 'node:path'
import { type DirectoryLock, DirectoryLockedError, lockDirectory } from '../../core/store/directory-lock.ts'
import { createDemoServer } from '../demo/server.ts'
import { type Child, createChild } from './child.ts'
import type { EmbeddedConfig, Environment } from './config.ts'
import { requireFreePorts } from './free-ports.ts'
import { keepSecrets, openDataDirectory, writePrivateJson } from './secrets.ts'
import { StartError } from './start-error.ts'

export type Addresses = { gatewayUrl: string; gatewayAdminUrl: string; coreAdminUrl: string }

export type Embedded = {
  start(): Promise<Addresses>
  /** Resolves with one line when a service ends by itself. */
  failure: Promise<string>
  /** Stops the gateway, then what stands behind it. Safe at any time, while starting too. */
  close(): Promise<void>
  /** Ends the services at once, without asking. */
  kill(): void
}

export type EmbeddedParts = {
  /** Settings of the two services other than those decided here are taken from it. */
  environment: Environment
  terminal: NodeJS.WritableStream
  warn: (line: string) => void
}

const GATEWAY = new URL('../../gateway/main.ts', import.meta.url)
const CORE = new URL('../../core/main.ts', import.meta.url)

/** Both services, PGlite, no Redis, and the demo's customer server, on one machine. */
export function createEmbedded(config: EmbeddedConfig, parts: EmbeddedParts): Embedded {
  const { dataDir, ports } = config
  const children: Child[] = []
  const closers: (() => Promise<void>)[] = []
  let closing: Promise<void> | undefined
  const { promise: failure, resolve: fail } = Promise.withResolvers<string>()

  const run = async (name: 'gateway' | 'core', script: URL, settings: Environment) => {
    if (closing !== undefined) throw new StartError('Stopped.')
    const child = createChild({
      name,
      script,
      env: {
        NODE_COMPILE_CACHE: join(dataDir, 'compile-cache'),
        ...parts.environment,
        REDIS_URL: undefined,
        ...settings,
      },
      log: config.showLogs ? parts.terminal : join(dataDir, `${name}.log`),
    })
    children.push(child)
    closers.push(child.stop)
    void child.ended.then((line) => closing === undefined && fail(line))
    return child.ready
  }

  const start = async (): Promise<Addresses> => {
    await openDataDirectory(dataDir)
    const lock = await lockForThisStart(dataDir)
    closers.push(lock.release)
    await requireFreePorts(ports, parts.environment)
    const { identityKeys, jwtSecret, clientKey, platformKey } = await keepSecrets(dataDir)

    const core = await run('core', CORE, {
      CORE_PORT: String(ports.CORE_PORT),
      CORE_INTERNAL_PORT: String(ports.CORE_INTERNAL_PORT),
      CORE_ADMIN_PORT: String(ports.CORE_ADMIN_PORT),
      DATABASE_URL: `pglite:${join(dataDir, 'pglite')}`,
      FILES_DIR: join(dataDir, 'files'),
      IDENTITY_KEYS: identityKeys,
      JWT_SECRET: jwtSecret,
      BOOTSTRAP_APP: 'demo',
      BOOTSTRAP_CLIENT_KEY: clientKey,
      BOOTSTRAP_PLATFORM_KEY: platformKey,
    })
    if (core.internalUrl === undefined)
      throw new StartError('The core did not say where its internal port is.')

    let gatewayUrl: string | undefined
    const demo = await createDemoServer({
      clientKey,
      platformKey,
      gatewayUrl: () => gatewayUrl,
      warn: parts.warn,
      clock: Date.now,
    })
    closers.push(demo.close)

    const gateway = await run('gateway', GATEWAY, {
      GATEWAY_PORT: String(ports.GATEWAY_PORT),
      GATEWAY_ADMIN_PORT: String(ports.GATEWAY_ADMIN_PORT),
      CORE_URLS: core.publicUrl,
      CORE_INTERNAL_URL: core.internalUrl,
      IDENTITY_KEYS: identityKeys,
      DEMO_URL: demo.url,
    })
    gatewayUrl = gateway.publicUrl
    await demo.introduce()

    const addresses = {
      gatewayUrl,
      gatewayAdminUrl: gateway.adminUrl,
      coreAdminUrl: core.adminUrl,
    }
    await writePrivateJson(join(dataDir, 'demo.json'), { ...addresses, clientKey, platformKey })
    return addresses
  }

  return {
    start,
    failure,
    close: () => {
      closing ??= closers.reduceRight((before, close) => before.then(close), Promise.resolve())
      return closing
    },
    kill: () => {
      for (const child of children) child.kill()
    },
  }
}

/** Taken before the core takes its own on the database, so that a second start is told in one line. */
async function lockForThisStart(directory: string): Promise<DirectoryLock> {
  try {
    return await lockDirectory(directory)
  } catch (error) {
    if (!(error instanceof DirectoryLockedError)) throw error
    throw new StartError(`${error.message}. Stop that one, or choose another directory with DATA_DIR.`, {
      cause: error,
    })
  }
}
