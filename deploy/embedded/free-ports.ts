import { once } from 'node:events'
import { createServer } from 'node:net'
import type { EmbeddedConfig, Environment } from './config.ts'
import { portNames } from './config.ts'
import { StartError, systemCode } from './start-error.ts'

/**
 * Tries every configured port before anything starts, so that a busy one is said in one line and not found in a
 * service's log.
 * @throws StartError naming the port and its variable.
 */
export async function requireFreePorts(ports: EmbeddedConfig['ports'], env: Environment): Promise<void> {
  for (const name of portNames) {
    const port = ports[name]
    const host = env[name.replace('_PORT', '_HOST')] || '127.0.0.1'
    if (port === 0) continue
    const probe = createServer()
    try {
      probe.listen(port, host)
      await once(probe, 'listening')
    } catch (error) {
      const why = systemCode(error) === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${systemCode(error)})`
      throw new StartError(
        `Port ${port} on ${host} ${why}. Free it, or choose another with ${name} (0 = any free port).`,
        { cause: error },
      )
    } finally {
      if (probe.listening) await new Promise((done) => probe.close(done))
    }
  }
}
