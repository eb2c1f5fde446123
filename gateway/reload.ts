import { isDeepStrictEqual } from 'node:util'
import { ConfigError, type GatewayConfig } from './config.ts'
import type { Logger } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'

/** Reads the configuration anew and takes over what may change; a bad one changes nothing, and is logged. */
export type Reload = (load: () => GatewayConfig) => Promise<void>

export type ReloadParts = {
  /** What the gateway was started with. */
  started: GatewayConfig
  apply(next: GatewayConfig): Promise<void>
  metrics: Pick<Metrics, 'reloaded'>
  log: Logger
}

/** What is bound, opened or counted once. */
const FIXED = {
  host: 'GATEWAY_HOST',
  port: 'GATEWAY_PORT',
  reusePort: 'REUSE_PORT',
  adminHost: 'GATEWAY_ADMIN_HOST',
  adminPort: 'GATEWAY_ADMIN_PORT',
  coreInternalUrl: 'CORE_INTERNAL_URL',
  redisUrl: 'REDIS_URL',
  privateUpstreams: 'ALLOW_PRIVATE_UPSTREAMS',
  demoUrl: 'DEMO_URL',
  server: 'a limit of connections, bodies or waiting',
} satisfies Partial<Record<keyof GatewayConfig, string>>

export function createReload({ started, apply, metrics, log }: ReloadParts): Reload {
  let last = Promise.resolve()

  async function reload(load: () => GatewayConfig): Promise<void> {
    try {
      const next = load()
      await apply(next)
      metrics.reloaded(true)
      const needRestart = fixedDifferences(started, next)
      const level = needRestart.length > 0 ? 'warn' : 'info'
      log[level]({ event: 'reloaded', needRestart }, 'the configuration was reloaded')
    } catch (error) {
      metrics.reloaded(false)
      const problems = error instanceof ConfigError ? error.problems : [String(error)]
      log.error({ event: 'reload-refused', problems }, 'the configuration stays as it was')
    }
  }

  // One after the other, so that the newest has the last word.
  return (load) => {
    last = last.then(() => reload(load))
    return last
  }
}

function fixedDifferences(started: GatewayConfig, next: GatewayConfig): string[] {
  const names: string[] = []
  for (const [key, name] of Object.entries(FIXED)) {
    const field = key as keyof typeof FIXED
    if (!isDeepStrictEqual(started[field], next[field])) names.push(name)
  }
  if ((started.tls === undefined) !== (next.tls === undefined)) names.push('TLS_CERT_FILE, TLS_KEY_FILE')
  return names
}
