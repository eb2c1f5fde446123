/** Cores as processes, and one that dies in the middle. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { IDENTITY_HEADER, type Identity } from '#contract/identity.ts'
import { parseSigningKeys, signIdentity } from '#contract/signature.ts'
import { createApiClient } from '../../support/api-client.ts'
import { startGuarded } from '../../support/child-process.ts'
import { ask, connect, type TestSocket } from '../realtime/sockets.ts'

const IDENTITY_KEYS = `k1:${randomBytes(32).toString('base64url')}`
const keys = parseSigningKeys(IDENTITY_KEYS)

export const environment = (databaseUrl: string) => ({
  DATABASE_URL: databaseUrl,
  CORE_PORT: '0',
  CORE_INTERNAL_PORT: '0',
  CORE_ADMIN_PORT: '0',
  IDENTITY_KEYS,
  JWT_SECRET: 'a secret of the deployment that is long enough',
  BOOTSTRAP_APP: 'demo',
  BOOTSTRAP_CLIENT_KEY: 'client-key-of-demo',
  BOOTSTRAP_PLATFORM_KEY: 'platform-key-of-demo',
  ALLOW_PRIVATE_UPSTREAMS: 'true',
  LOG_LEVEL: 'info',
})

const common = { app: 'demo', deviceId: undefined, expiresAtMs: undefined }
export const client = (userId: string): Identity => ({
  ...common,
  kind: 'client',
  userId,
  credentialId: userId,
})
export const platform: Identity = { ...common, kind: 'platform', userId: undefined, credentialId: 'key' }
const sign = (identity: Identity) => signIdentity(identity, keys, Date.now())
export const api = (url: string, identity: Identity) =>
  createApiClient(url, { [IDENTITY_HEADER]: sign(identity) })

type What = 'send' | 'rename' | 'invite' | 'add'

/** Does something, and is killed after the commit of the last, before anybody was told. */
export async function actAndDie(t: Test, databaseUrl: string, what: What, texts: string[]): Promise<void> {
  const args = [join(import.meta.dirname, 'dying-core.ts'), databaseUrl, 'demo', 'r1', 'ann', what, ...texts]
  const child = await startGuarded(process.execPath, args)
  const held = setInterval(() => {}, 1_000)
  t.not(await child.ended, 0, 'it was killed')
  clearInterval(held)
  t.equal(child.output(), '')
}

export async function signedIn(
  t: Test,
  core: { url: string },
  userId: string,
  way: { version?: 'v2' | 'v3' | 'v4'; transport?: 'websocket' | 'polling'; base64?: boolean } = {},
): Promise<TestSocket> {
  const socket = await connect(t, core, { ...way, header: sign({ kind: 'anonymous', app: 'demo' }) })
  if (way.base64) await ask(socket, 'conf', { encoding: 'base64' })
  await ask(socket, 'auth2', { identity: sign(client(userId)) })
  return socket
}
