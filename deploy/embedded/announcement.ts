import { join } from 'node:path'
import type { EmbeddedConfig } from './config.ts'
import type { Addresses } from './embedded.ts'

/** What a newcomer needs to see once, and nothing else. */
export function announce(config: EmbeddedConfig, addresses: Addresses): string {
  const { gatewayUrl, gatewayAdminUrl, coreAdminUrl } = addresses
  const logs = config.showLogs
    ? 'here, below'
    : `${join(config.dataDir, 'gateway.log')} and core.log (LOG=1: here)`
  return `
  The gateway and the chat core are running.

    Open      ${gatewayUrl}/demo/   (two windows, two people)
    Console   ${gatewayAdminUrl}/console/ (live figures), ${gatewayUrl}/console/ (the app; asks for platformKey)
    API       ${gatewayUrl}
    Admin     ${gatewayAdminUrl} (gateway), ${coreAdminUrl} (core): /livez /readyz /metrics
    Keys      ${join(config.dataDir, 'demo.json')}
    Logs      ${logs}

  Embedded: PGlite in place of PostgreSQL, no Redis, one core and no more.
  Messages survive a restart and a killed process, but not a power loss: PGlite runs without fsync.

  Ctrl-C stops both.

`
}
