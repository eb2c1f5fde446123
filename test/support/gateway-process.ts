import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCoreStandIn } from '../gateway/authn/core-stand-in.ts'
import type { Scope } from './child-process.ts'
import type { RecordingUpstream } from './recording-upstream.ts'
import { startService, type TestService } from './service.ts'
import { UNLIMITED_RATES } from './unlimited.ts'

export type GatewayProcess = TestService & {
  /** Replaces the configuration file, in one step. */
  writeSettings(settings: Record<string, string>): Promise<void>
}

/** The gateway as an operator runs it, before an upstream and a user store of this process: app `demo`, user `ada`. */
export async function startGatewayProcess(
  t: Scope,
  upstream: RecordingUpstream,
  env: Record<string, string> = {},
  settings: Record<string, string> = {},
): Promise<GatewayProcess> {
  const core = await startCoreStandIn(t)
  core.store.addApp('demo')
  core.store.addKey('client-key', 'demo', 'demo_clientkey')
  core.store.bind('demo', 'ada-token', 'ada')
  const directory = await mkdtemp(join(tmpdir(), 'imkit-gateway-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'settings')
  const writeSettings = async (lines: Record<string, string>) => {
    const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(`${path}.next`, text.join(''))
    await rename(`${path}.next`, path)
  }
  await writeSettings(settings)
  const gateway = await startService(t, 'gateway', {
    CORE_URLS: upstream.url,
    CORE_INTERNAL_URL: core.url,
    IDENTITY_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
    GATEWAY_PORT: '0',
    GATEWAY_ADMIN_PORT: '0',
    CONFIG_FILE: path,
    ...UNLIMITED_RATES,
    ...env,
  })
  return { ...gateway, writeSettings }
}
