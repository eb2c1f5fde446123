import '#contract/fast-strings.ts'
import { watchFiles } from '#contract/config-file.ts'
import { ConfigError, loadConfig } from './config.ts'
import { buildGateway } from './gateway.ts'
import { createLog } from './observe/log.ts'

async function main(): Promise<void> {
  const { env } = process
  const config = loadConfig(env)
  const log = createLog(config.logLevel)
  const gateway = await buildGateway(config, { log })
  log.info({ publicUrl: gateway.publicUrl, adminUrl: gateway.adminUrl }, 'listening')

  const reload = (): void => {
    void gateway.reload(() => loadConfig(env))
  }
  process.on('SIGHUP', reload)
  const unwatch = watchFiles([env.CONFIG_FILE, config.tls?.certFile, config.tls?.keyFile], reload)

  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    // A second signal means now.
    if (stopping) process.exit(1)
    stopping = true
    unwatch()
    log.info({ signal }, 'draining')
    gateway.close(signal === 'SIGTERM' ? 'drain' : 'now').then(
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
