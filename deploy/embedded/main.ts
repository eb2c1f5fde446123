import { announce } from './announcement.ts'
import { parseEmbeddedConfig } from './config.ts'
import { createEmbedded } from './embedded.ts'
import { StartError } from './start-error.ts'

/** npm passes on a Ctrl-C that the terminal has already delivered; two signals this close are one key press. */
const ONE_KEY_PRESS_MS = 500

const line = (text: string): boolean => process.stderr.write(`${text}\n`)
const reason = (error: unknown): string =>
  error instanceof StartError ? error.message : `It could not start: ${String(error)}`

async function main(): Promise<number> {
  const config = parseEmbeddedConfig(process.env)
  const embedded = createEmbedded(config, { environment: process.env, terminal: process.stdout, warn: line })

  let stoppedAtMs: number | undefined
  const stopped = new Promise<undefined>((resolve) => {
    const onSignal = () => {
      if (stoppedAtMs === undefined) {
        stoppedAtMs = Date.now()
        line('\nStopping (Ctrl-C again to stop at once).')
        resolve(undefined)
      } else if (Date.now() - stoppedAtMs > ONE_KEY_PRESS_MS) {
        embedded.kill()
        process.exit(1)
      }
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })

  try {
    const addresses = await Promise.race([embedded.start(), stopped])
    if (addresses !== undefined) {
      process.stdout.write(announce(config, addresses))
      const failure = await Promise.race([embedded.failure, stopped])
      if (failure !== undefined) throw new StartError(failure)
    }
    return 0
  } finally {
    await embedded.close()
  }
}

process.exitCode = await main().catch((error: unknown) => {
  line(reason(error))
  return 1
})
process.exit()
