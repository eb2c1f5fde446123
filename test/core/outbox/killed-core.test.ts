import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { IDENTITY_HEADER, type Identity } from '#contract/identity.ts'
import { parseSigningKeys, signIdentity } from '#contract/signature.ts'
import { createApiClient } from '../../support/api-client.ts'
import { startGuarded } from '../../support/child-process.ts'
import { startPostgres } from '../../support/postgres.ts'
import { startService } from '../../support/service.ts'
import { ask, connect } from '../realtime/sockets.ts'
import { startReceiver } from './receiver.ts'

const IDENTITY_KEYS = `k1:${randomBytes(32).toString('base64url')}`
const keys = parseSigningKeys(IDENTITY_KEYS)

const environment = (databaseUrl: string) => ({
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
const client = (userId: string): Identity => ({ ...common, kind: 'client', userId, credentialId: userId })
const platform: Identity = { ...common, kind: 'platform', userId: undefined, credentialId: 'key' }
const sign = (identity: Identity) => signIdentity(identity, keys, Date.now())
const api = (url: string, identity: Identity) => createApiClient(url, { [IDENTITY_HEADER]: sign(identity) })

/** Sends, and is killed after the commit of the last, before anybody was told. */
async function sendAndDie(t: Test, databaseUrl: string, texts: string[]): Promise<void> {
  const args = [join(import.meta.dirname, 'dying-core.ts'), databaseUrl, 'demo', 'r1', 'ann', ...texts]
  const child = await startGuarded(process.execPath, args)
  const held = setInterval(() => {}, 1_000)
  t.not(await child.ended, 0, 'it was killed')
  clearInterval(held)
  t.equal(child.output(), '')
}

const texts = ['one', 'two', 'three']

t.test('what a killed core had committed is told by another, in its order', async (t) => {
  const { url: databaseUrl } = await startPostgres(t)
  const receiver = await startReceiver(t)
  const core = await startService(t, 'core', environment(databaseUrl))
  await api(core.url, platform).ok('POST', '/rooms', {
    _id: 'r1',
    members: ['ann', 'bob'],
    roomType: 'group',
    webhook: receiver.url,
  })
  const socket = await connect(t, core, { header: sign({ kind: 'anonymous', app: 'demo' }) })
  await ask(socket, 'auth2', { identity: sign(client('bob')) })
  const heard = new Promise<unknown[]>((resolve) => {
    const messages: unknown[] = []
    socket.on('chat message', (message) => {
      messages.push(message)
      if (messages.length === texts.length) resolve(messages)
    })
  })
  await sendAndDie(t, databaseUrl, texts)
  t.match(
    await heard,
    texts.map((message, i) => ({ message, seq: i + 1, room: 'r1' })),
  )
  const hooked = (await receiver.come(4)).filter(({ body }) => body.event === 'MESSAGE')
  t.match(
    hooked.map(({ body }) => body.data),
    texts.map((message) => ({ message })),
  )
})

t.test('an embedded core that was killed makes up for it when it starts again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-outbox-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startReceiver(t)
  const env = environment(`pglite:${directory}`)
  const first = await startService(t, 'core', env)
  await api(first.url, platform).ok('POST', '/rooms', {
    _id: 'r1',
    members: ['ann', 'bob'],
    roomType: 'group',
    webhook: receiver.url,
  })
  await receiver.come(1)
  await first.stop()
  await sendAndDie(t, env.DATABASE_URL, texts)
  const second = await startService(t, 'core', env)
  await receiver.come(4)
  t.match(
    receiver.received.slice(1).map(({ body }) => body.data),
    texts.map((message, i) => ({ message, seq: i + 1 })),
  )
  await second.stop()
})
