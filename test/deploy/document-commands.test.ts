import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import * as core from '../../core/config.ts'
import * as gateway from '../../gateway/config.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startStack } from '../support/stack.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Most of a short command's time would go into reading the sources anew. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compile')

type Block = { page: string; language: string; text: string; whyNot: string | undefined }

/** Every fence of a page; above one that is not to be run, the page itself says why not. */
async function fencesOf(page: string): Promise<Block[]> {
  const source = await readFile(join(ROOT, page), 'utf8')
  const fences = source.matchAll(/(?:<!-- not run: ([^\n]*) -->\n)?^ *```(\w*)\n([\s\S]*?)^ *```$/gm)
  return [...fences].map(([, whyNot, language = '', text = '']) => ({ page, language, text, whyNot }))
}

/** What somebody copies from a page, in its order. */
const blocksOf = async (page: string): Promise<Block[]> =>
  (await fencesOf(page)).filter(({ whyNot }) => whyNot === undefined)

const taken = new Set<string>()
/** Its text, to be run here. */
function take({ page, text }: Block): string {
  taken.add(`${page}\n${text}`)
  return text
}

type Ran = { code: number | null; output: string }

/** A shell that stops at the first command that fails. */
async function shell(script: string, env: Record<string, string>, cwd = ROOT): Promise<Ran> {
  const child = spawn('bash', ['-eo', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return outcomeOf(child)
}

async function outcomeOf(child: ChildProcess): Promise<Ran> {
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const [code] = await once(child, 'close')
  return { code, output }
}

/** A module of a page, with the packages of this repository. */
function runModule(t: Test, text: string, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

const shellOf = (blocks: readonly Block[]): string =>
  blocks.flatMap((block) => (block.language === 'sh' ? [take(block)] : [])).join('\n')

const only = async (page: string, language: string): Promise<string> => {
  const [block, ...others] = (await blocksOf(page)).filter((block) => block.language === language)
  if (block === undefined || others.length > 0) throw new Error(`${page} has one block of ${language}`)
  return take(block)
}

t.setTimeout(240_000)

t.test('the pages’ commands do what they say, as they stand there', async (t) => {
  const stack = await startStack(t, {
    database: 'postgres',
    gatewayEnv: { ALLOW_PRIVATE_UPSTREAMS: 'true' },
    coreEnv: { ALLOW_PRIVATE_UPSTREAMS: 'true' },
  })
  const { clientKey, platformKey } = stack.keys
  const env = { GATEWAY: stack.url, CLIENT_KEY: clientKey, PLATFORM_KEY: platformKey }

  await t.test('README.md: first requests', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'readme-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    await mkdir(join(directory, '.data'))
    await writeFile(
      join(directory, '.data/demo.json'),
      JSON.stringify({ gatewayUrl: stack.url, clientKey, platformKey }),
    )
    const commands = (await blocksOf('README.md')).filter(({ text }) => text.includes('demo.json'))
    const { code, output } = await shell(shellOf(commands), {}, directory)
    t.equal(code, 0, output)
    t.match(output, '"message":"Hello, Ada"')
    t.match(output, /INVALID_TOKEN[^{]*$/, 'the token is taken back')
  })

  await t.test('docs/customers.md', async (t) => {
    const blocks = await blocksOf('docs/customers.md')
    const PORT = String(await freePort())
    runModule(t, await only('docs/customers.md', 'js'), { PORT })
    await eventually('the auth service listens', () => isListening(Number(PORT)))
    const { code, output } = await shell(shellOf(blocks), {
      ...env,
      AUTH_SERVICE: `http://127.0.0.1:${PORT}`,
    })
    t.equal(code, 0, output)
    for (const id of ['maria', 'grace', 'ada']) t.match(output, `"_id":"${id}"`)
    t.match(output, /platform-key +live/)
    await stack.platform.ok('PUT', '/admin/app/settings', { authentication: null, platformSources: null })
  })

  await t.test('docs/clients.md', async (t) => {
    const { token } = await stack.createUser('cora')
    const blocks = await blocksOf('docs/clients.md')
    const { code, output } = await shell(shellOf(blocks), { ...env, TOKEN: token })
    t.equal(code, 0, output)
    t.match(output, '"message":"Hello, Ada"')
    t.match(output, '"rooms":{"chat-with-ada":{"seq":')
    const socket = await only('docs/clients.md', 'js')
    const ran = await outcomeOf(runModule(t, socket, { ...env, TOKEN: token }))
    t.match(ran, {
      code: 0,
      output: /^signed in as cora and rooms are at \{ 'chat-with-ada': \{ seq: \d+, evSeq: 0 \}/,
    })
  })

  await t.test('docs/migration.md: the export on the page is one', async (t) => {
    const blocks = await blocksOf('docs/migration.md')
    const directory = await mkdtemp(join(tmpdir(), 'migration-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    await writeFile(join(directory, 'export.jsonl'), await only('docs/migration.md', 'jsonl'))
    const { code, output } = await shell(shellOf(blocks), {
      APP: stack.keys.app,
      TOKEN: 'a-session-of-hers',
      EXPORT: join(directory, 'export.jsonl'),
      DATABASE_URL: stack.postgres?.url ?? '',
    })
    t.equal(code, 0, output)
    t.ok(output.startsWith(credentialDigest('client-token', stack.keys.app, 'a-session-of-hers')))
    t.match(output, 'Nothing was written.')
    t.match(output, 'Imported.')
    t.match(await stack.as('a-session-of-hers').call('GET', '/me'), { status: 200 })
  })

  await t.test('docs/runbook.md: every step, as it stands there', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'runbook-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const [core, gateway] = [stack.cores[0], stack.gateways[0]]
    const file = async (name: string, text: string) => {
      await writeFile(join(directory, name), text)
      return join(directory, name)
    }
    const settings = {
      APP: stack.keys.app,
      CORE_ADMIN_URL: core?.adminUrl ?? '',
      GATEWAY_ADMIN_URL: gateway?.adminUrl ?? '',
      DATABASE_URL: stack.postgres?.url ?? '',
      GATEWAY_LOG: await file('gateway.log', gateway?.logs() ?? ''),
      CORE_LOG: await file('core.log', core?.logs() ?? ''),
      SERVICES_ENV: await file(
        'services.env',
        [
          `CORE_URLS=${core?.url}`,
          `CORE_INTERNAL_URL=${core?.internalUrl}`,
          `DATABASE_URL=${stack.postgres?.url}`,
          `IDENTITY_KEYS=${stack.identityKeys}`,
          'JWT_SECRET=as-long-as-a-secret-must-be',
        ].join('\n'),
      ),
      GATEWAY_URL: stack.url,
      PLATFORM_KEY: platformKey,
    }
    const blocks = await blocksOf('docs/runbook.md')
    const { code, output } = await shell(`set -x\n${shellOf(blocks)}`, settings)
    t.equal(code, 0, output.slice(-2_000))
    for (const metric of ['gateway_upstream_healthy', 'core_feed_position', 'process_resident_memory_bytes'])
      t.match(output, new RegExp(`^${metric}`, 'm'))
  })

  await t.test('docs/console.md', async (t) => {
    const { code, output } = await shell(shellOf(await blocksOf('docs/console.md')), {
      GATEWAY_URL: stack.url,
      PLATFORM_KEY: platformKey,
    })
    t.equal(code, 0, output)
  })

  await t.test('docs/operating.md: the first app, and a look at everything', async (t) => {
    const blocks = await blocksOf('docs/operating.md')
    const ours = blocks.filter(({ text }) => text.includes('npm run --silent im'))
    const { code, output } = await shell(shellOf(ours), {
      CORE_ADMIN_URL: stack.cores[0]?.adminUrl ?? '',
      GATEWAY_ADMIN_URL: stack.gateways[0]?.adminUrl ?? '',
    })
    t.equal(code, 0, output)
    t.match(output, 'my-app is made')
    t.match(output, /^✓ credential feed: gateway and core are both at \d+$/m)
  })
})

t.test('docs/operating.md: an installation on a restored database has what the other had', async (t) => {
  const stack = await startStack(t, { database: 'postgres', coreEnv: { JWT_SECRET: 'x'.repeat(43) } })
  const ann = await stack.createUser('ann')
  await ann.api.ok('POST', '/rooms/createAndJoin', { _id: 'r', roomType: 'group' })
  await ann.api.ok('POST', '/rooms/r/message', { message: 'kept' })
  const commands = (await blocksOf('docs/operating.md')).filter(({ text }) => /pg_(dump|restore)/.test(text))
  const from = stack.postgres?.url ?? ''
  const to = `${from}_restored`
  const { code, output } = await shell(
    `psql -q "$DATABASE_URL" -c 'CREATE DATABASE ${new URL(to).pathname.slice(1)}'\n${shellOf(commands)}`,
    { DATABASE_URL: from, RESTORED_URL: to },
    t.testdir(),
  )
  t.equal(code, 0, output)
  const core = await stack.addCore({ DATABASE_URL: to })
  const { url } = await stack.addGateway({ CORE_URLS: core.url, CORE_INTERNAL_URL: core.internalUrl })
  t.match(await stack.as(ann.token, url).ok('GET', '/rooms/r/messages'), { data: [{ message: 'kept' }] })
})

t.test('README.md: an installation’s secrets are those that are asked for', async (t) => {
  const directory = t.testdir()
  const made = (await blocksOf('README.md')).filter(({ text }) => text.includes('> .env'))
  t.match(await shell(shellOf(made), {}, directory), { code: 0, output: '' })
  t.equal((await stat(join(directory, '.env'))).mode & 0o777, 0o600)
  const env = parseEnv(await readFile(join(directory, '.env'), 'utf8'))
  const compose = await readFile(join(ROOT, 'docker-compose.yml'), 'utf8')
  const asked = new Set([...compose.matchAll(/\$\{(\w+):\?/g)].map((match) => match[1]))
  t.same(new Set(Object.keys(env)), asked)
  const stores = { DATABASE_URL: 'postgres://postgres/im', REDIS_URL: 'redis://redis' }
  t.doesNotThrow(() => core.parseConfig({ ...env, ...stores }))
  const cores = { CORE_URLS: 'http://core:8090', CORE_INTERNAL_URL: 'http://core:8091' }
  t.doesNotThrow(() => gateway.parseConfig({ ...env, ...cores }))
})

t.test('there is no block that is neither run here nor says why not', async (t) => {
  const left: Record<string, string> = {}
  for await (const page of glob(['README.md', 'docs/**/*.md'], { cwd: ROOT }))
    for (const { language, text, whyNot } of await fencesOf(page))
      if (language !== '' && whyNot === undefined && !taken.has(`${page}\n${text}`)) left[page] = text
  t.same(left, {})
})

async function isListening(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
