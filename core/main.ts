import '#contract/fast-strings.ts'
import { watchFiles, withConfigFile } from '#contract/config-file.ts'
import { ConfigError, type CoreConfig, parseConfig } from './config.ts'
import { buildCore } from './core.ts'
import { CoreError } from './errors.ts'
import { StartError } from './listen.ts'
import { createLog } from './observe/log.ts'
import { DataDirectoryError } from './store/data-directory.ts'
import { DatabaseError } from './store/database.ts'
import { DirectoryLockedError } from './store/directory-lock.ts'
import { MigrationError } from './store/migrate.ts'

/** What an operator can mend, so that a sentence serves better than a stack. */
const EXPECTED = [
  ConfigError,
  StartError,
  DirectoryLockedError,
  DataDirectoryError,
  DatabaseError,
  MigrationError,
  CoreError,
]

function refuse(error: unknown): never {
  const expected = error instanceof Error && EXPECTED.some((kind) => error instanceof kind)
  console.error(expected ? `core: ${withCause(error)}` : error)
  process.exit(1)
}

function withCause(error: Error): string {
  const { cause } = error
  return (error instanceof CoreError || error instanceof DatabaseError) && cause instanceof Error
    ? `${error.message} (${cause.message})`
    : error.message
}

function loadConfig(): CoreConfig {
  const { env, problems } = withConfigFile(process.env)
  if (problems.length > 0) throw new ConfigError(problems)
  return parseConfig(env)
}

async function run(config: CoreConfig): Promise<void> {
  const log = createLog(config.logLevel)
  let stop = (_reason: string, _exitCode: number) => {}
  const core = await buildCore(config, { log, onFatal: () => stop('fatal', 1) })
  const reload = (): void => {
    try {
      const next = loadConfig()
      core.reload(next)
      log.level = next.logLevel
      log.info({ event: 'reloaded' }, 'signing keys and log level were reloaded')
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems : [String(error)]
      log.error({ event: 'reload-refused', problems }, 'the configuration stays as it was')
    }
  }
  process.on('SIGHUP', reload)
  watchFiles([process.env.CONFIG_FILE], reload)

  let stopping = false
  stop = (reason, exitCode) => {
    // A second signal means now.
    if (stopping) process.exit(1)
    stopping = true
    log.info({ event: 'stopping', reason }, 'stopping')
    core.close().then(() => process.exit(exitCode), refuse)
  }
  process.on('SIGTERM', () => stop('SIGTERM', 0))
  process.on('SIGINT', () => stop('SIGINT', 0))
  process.on('unhandledRejection', (err) => {
    log.fatal({ event: 'unhandled', err }, 'a failure that nobody handled')
    stop('unhandled', 1)
  })
}

try {
  await run(loadConfig())
} catch (error) {
  refuse(error)
}
