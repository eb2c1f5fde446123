import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { checkClocks } from '../../deploy/im/doctor/reachable.ts'
import { asList, asObject, type Json } from '../support/api-client.ts'
import { freePort } from '../support/free-port.ts'
import { startStack } from '../support/stack.ts'
import { im } from './im.ts'

t.setTimeout(240_000)

const SECRETS = {
  IDENTITY_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64url')}`,
  JWT_SECRET: 'a-secret-of-sixteen-bytes',
}

t.test('im doctor', async (t) => {
  const stack = await startStack(t, { database: 'postgres', redis: true })
  const [core] = stack.cores
  const [gateway] = stack.gateways
  const directory = await mkdtemp(join(tmpdir(), 'im-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const healthy: Record<string, string> = {
    ...SECRETS,
    CORE_URLS: core?.url ?? '',
    CORE_INTERNAL_URL: core?.internalUrl ?? '',
    CORE_ADMIN_PORT: new URL(core?.adminUrl ?? '').port,
    GATEWAY_ADMIN_PORT: new URL(gateway?.adminUrl ?? '').port,
    DATABASE_URL: stack.postgres?.url ?? '',
    REDIS_URL: stack.redis?.url ?? '',
  }
  async function examine(changed: Record<string, string | undefined>) {
    const path = join(directory, 'services.env')
    const lines = Object.entries({ ...healthy, ...changed }).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    )
    await writeFile(path, lines.join('\n'))
    const ran = await im(['doctor', '--json', '--environment', path])
    const findings = asList(asObject(ran.json as Json).findings)
    return { ...ran, findings, of: (check: string) => findings.find((finding) => finding.check === check) }
  }

  await t.test('finds nothing where everything is well', async (t) => {
    const { code, findings } = await examine({})
    t.equal(code, 0)
    t.same(
      findings.map(({ check, state }) => [check, state]),
      [
        ['configuration of the gateway', 'ok'],
        ['configuration of the core', 'ok'],
        ['gateway', 'ok'],
        ['core', 'ok'],
        ['from gateway to core', 'ok'],
        ['from gateway to credentials', 'ok'],
        ['clocks', 'ok'],
        ['credential feed', 'ok'],
        ['Redis', 'ok'],
        ['PostgreSQL', 'ok'],
        ['database schema', 'ok'],
      ],
    )
  })

  await t.test('names each problem of a configuration, and no secret', async (t) => {
    const { code, findings, stdout } = await examine({
      JWT_SECRET: 'short',
      GATEWAY_PORT: 'eighty',
      CORS_ORIGINS: 'nonsense',
    })
    t.equal(code, 1)
    const problems = findings.filter(({ check }) => String(check).startsWith('configuration'))
    t.equal(problems.length, 4, 'CORS_ORIGINS is of both')
    for (const { says, todo } of problems)
      t.match({ says, todo }, { says: /^[A-Z_]+: /, todo: /restart the (gateway|core)$/ })
    t.notMatch(stdout, /short|k1:/)
  })

  await t.test('says what cannot be reached, and what to do', async (t) => {
    const port = await freePort()
    const { code, of } = await examine({
      REDIS_URL: `redis://127.0.0.1:${port}`,
      DATABASE_URL: `postgres://u:a-password@127.0.0.1:${port}/db`,
      CORE_URLS: `${healthy.CORE_URLS},http://127.0.0.1:${port}`,
      CORE_INTERNAL_URL: `http://127.0.0.1:${port}`,
    })
    t.equal(code, 1)
    t.match(of('Redis'), { state: 'problem', says: /ECONNREFUSED/, todo: /mend REDIS_URL/ })
    t.match(of('PostgreSQL'), { state: 'problem', says: /ECONNREFUSED/, todo: /mend DATABASE_URL/ })
    t.match(of('from gateway to credentials'), { state: 'problem', todo: /mend CORE_INTERNAL_URL/ })
  })

  await t.test('looks at what it can where nothing is configured', async (t) => {
    const ran = await im([
      'doctor',
      '--gateway-admin-url',
      gateway?.adminUrl ?? '',
      '--core-admin-url',
      core?.adminUrl ?? '',
    ])
    t.equal(ran.code, 0)
    t.match(ran.stdout, /^· configuration of the gateway: the environment has none of CORE_URLS/m)
    t.match(ran.stdout, /^✓ credential feed: gateway and core are both at \d+$/m)
  })

  await t.test('says which clock is off, and whose feed is ahead after a restore', async (t) => {
    const ahead = createServer(async ({ url = '' }, response) => {
      const answer = await fetch(`${gateway?.adminUrl}${url}`)
      response.setHeader('date', new Date(Date.now() + 6_000).toUTCString())
      response.end(await answer.text())
    })
    await once(ahead.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => ahead.close())
    const { port } = ahead.address() as AddressInfo
    const restored = await stack.addCore({ DATABASE_URL: 'pglite:memory' })
    await stack.createUser('ann')
    const { code, of } = await examine({
      GATEWAY_ADMIN_PORT: String(port),
      CORE_ADMIN_PORT: new URL(restored.adminUrl).port,
    })
    t.equal(code, 1)
    t.match(of('clocks'), { state: 'problem', says: /[567]\.\d s apart/, todo: /NTP/ })
    t.match(of('credential feed'), { state: 'problem', todo: /a restore.*: restart every gateway/ })
  })

  await t.test('knows the schema of a newer release, on which nothing of this one begins', async (t) => {
    const db = new pg.Client({ connectionString: stack.postgres?.url })
    await db.connect()
    await db.query("INSERT INTO schema_migrations (version, name, checksum) VALUES (9000, 'later', '')")
    await db.end()
    t.match((await examine({})).of('database schema'), {
      state: 'problem',
      says: 'is of a newer release (9000)',
      todo: /start cores of that release/,
    })
    await t.rejects(stack.addCore(), {
      message:
        /^core: the database has the schema of a newer version \(later\); start that version or a newer one$/m,
    })
    const exported = join(directory, 'export.jsonl')
    await writeFile(exported, '{"type": "export", "version": 1}\n')
    const env = { DATABASE_URL: stack.postgres?.url ?? '' }
    t.match(await im(['import', exported, '--app', stack.keys.app], { env }), {
      code: 1,
      stderr: /^im: the database has not the schema of this release: .*\n$/,
    })
  })

  await t.test('a file that is not there is one line', async (t) => {
    const ran = await im(['doctor', '--environment', join(directory, 'none')])
    t.match(ran, { code: 1, stderr: /^im: .*none cannot be read \(ENOENT\)\n$/ })
  })
})

t.test('clocks that are far apart are told before identities are refused', (t) => {
  t.match(checkClocks(200, -300), { state: 'ok' })
  t.match(checkClocks(0, 3_000), { state: 'warning', todo: /NTP/ })
  t.match(checkClocks(-6_000, 0), { state: 'problem', says: /6\.0 s apart/ })
  t.match(checkClocks(undefined, 0), { state: 'skipped' })
  t.end()
})
