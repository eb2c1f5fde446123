import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { type Scope, startGuarded } from '../support/child-process.ts'
import { startPostgres } from '../support/postgres.ts'
import { startService } from '../support/service.ts'

const ROOT = join(import.meta.dirname, '../..')
const SECRETS = {
  identity: randomBytes(32).toString('base64url'),
  jwt: randomBytes(32).toString('base64url'),
  clientKey: `client-${randomBytes(8).toString('hex')}`,
  platformKey: `platform-${randomBytes(8).toString('hex')}`,
}

const environment = (databaseUrl: string) => ({
  PATH: process.env.PATH,
  DATABASE_URL: databaseUrl,
  CORE_PORT: '0',
  CORE_INTERNAL_PORT: '0',
  CORE_ADMIN_PORT: '0',
  IDENTITY_KEYS: `k1:${SECRETS.identity}`,
  JWT_SECRET: SECRETS.jwt,
  BOOTSTRAP_APP: 'demo',
  BOOTSTRAP_CLIENT_KEY: SECRETS.clientKey,
  BOOTSTRAP_PLATFORM_KEY: SECRETS.platformKey,
  LOG_LEVEL: 'trace',
})

/** Runs until it ends by itself. */
async function runCore(env: NodeJS.ProcessEnv): Promise<{ code: number; lines: string[] }> {
  const child = await startGuarded(process.execPath, [join(ROOT, 'core/main.ts')], { cwd: ROOT, env })
  const held = setInterval(() => {}, 1_000)
  const code = await child.ended
  clearInterval(held)
  return { code, lines: child.output().trim().split('\n') }
}

async function makeDirectory(t: Scope): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-core-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function knowsPlatformKey(internalUrl: string | undefined): Promise<boolean> {
  const digest = credentialDigest('platform-key', '', SECRETS.platformKey)
  const answer = await fetch(`${internalUrl}/introspect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'platform-key', digest }),
  })
  return (await answer.text()).includes('"active":true')
}

t.test('a core on PGlite', async (t) => {
  const directory = await makeDirectory(t)
  const env = environment(`pglite:${directory}`)
  const first = await startService(t, 'core', env)

  t.test('serves, and says on each port that it is ready', async (t) => {
    for (const url of [first.url, first.internalUrl, first.adminUrl]) {
      const answer = await fetch(`${url}/readyz`)
      t.equal(answer.status, 200)
      t.match(answer.headers.get('im-node-id'), /^[A-Za-z0-9_-]{8,}$/)
    }
    t.equal((await fetch(`${first.adminUrl}/livez`)).status, 200)
    const metrics = await (await fetch(`${first.adminUrl}/metrics`)).text()
    for (const line of [/^core_feed_position 3$/m, /^core_broadcasts_dropped_total 0$/m])
      t.match(metrics, line)
    t.ok(await knowsPlatformKey(first.internalUrl))
  })

  t.test('shares its directory with nobody, and says so in one line', async (t) => {
    const { code, lines } = await runCore(env)
    t.equal(code, 1)
    t.strictSame(lines, [
      `core: ${directory} is in use by process ${first.pid}; one process at a time may open it`,
    ])
  })

  t.test('killed, leaves its data and no lock to the next', async (t) => {
    first.signal('SIGKILL')
    const second = await startService(t, 'core', {
      ...env,
      BOOTSTRAP_APP: '',
      BOOTSTRAP_CLIENT_KEY: '',
      BOOTSTRAP_PLATFORM_KEY: '',
    })
    t.ok(await knowsPlatformKey(second.internalUrl))
    second.signal('SIGTERM')
    const held = setInterval(() => {}, 1_000)
    t.equal(await second.ended, 0, 'asked to stop, ends well')
    clearInterval(held)
    t.notMatch(first.logs() + second.logs(), new RegExp(Object.values(SECRETS).join('|')))
  })
})

t.test('a core with a wrong configuration ends with every problem', async (t) => {
  const { code, lines } = await runCore({ ...environment('nowhere'), CORE_PORT: 'x', JWT_SECRET: '' })
  t.equal(code, 1)
  t.match(lines, [/configuration is not valid/, /CORE_PORT/, /DATABASE_URL/, /JWT_SECRET/])
  t.equal(lines.length, 4)
})

t.test(
  'a core whose port is in use, or whose database is not there, ends with a line that says so',
  async (t) => {
    const { url } = await startPostgres(t)
    const blocker = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => blocker.once('listening', resolve))
    t.teardown(() => blocker.close())
    const address = blocker.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const busy = await runCore({ ...environment(url), CORE_PORT: String(port), LOG_LEVEL: 'silent' })
    t.equal(busy.code, 1)
    t.strictSame(busy.lines, [`core: 127.0.0.1:${port} is in use`])

    const absent = await runCore({
      ...environment(`postgres://u:db-password@127.0.0.1:1/x`),
      LOG_LEVEL: 'silent',
    })
    t.equal(absent.code, 1)
    t.match(absent.lines, [/^core: The database cannot be reached at the moment\. \(.*ECONNREFUSED/])
    t.equal(absent.lines.length, 1)
    t.notMatch(absent.lines.join(), /db-password/)
  },
)
