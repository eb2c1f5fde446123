import { ConfigError, parseConfig } from './config.ts'
import { buildGateway } from './gateway.ts'
import { createLog } from './observe/log.ts'

/** Time in which tunnels are closed after SIGTERM; an orchestrator's grace period must be longer. */
const DRAIN_WINDOW_MS = 5_000

async function main(): Promise<void> {
  const config = parseConfig(process.env)
  const log = createLog(config.logLevel)
  const gateway = await buildGateway(config, { log })
  log.info({ publicUrl: gateway.publicUrl, adminUrl: gateway.adminUrl }, 'listening')

  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal }, 'draining')
    gateway.close({ windowMs: signal === 'SIGTERM' ? DRAIN_WINDOW_MS : 0 }).then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'could not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch((error: NodeJS.ErrnoException) => {
  const busy = error.code === 'EADDRINUSE' ? `a port is already in use: ${error.message}` : undefined
  const known = error instanceof ConfigError ? error.message : busy
  process.stderr.write(`gateway: ${known ?? error.stack ?? error}\n`)
  process.exit(1)
})
