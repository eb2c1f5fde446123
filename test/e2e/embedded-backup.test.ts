import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { asList } from '../support/api-client.ts'
import { startStack } from '../support/stack.ts'

const operating = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8')
const [, command = ''] = /```sh\n(cp .*)\n```/.exec(operating) ?? []

/** As the page of operators says. */
const copy = (DATA: string, BACKUP: string) =>
  promisify(execFile)('sh', ['-ec', command], { env: { PATH: process.env.PATH, DATA, BACKUP } })

const ROOM = 'room'

t.setTimeout(150_000)

t.test('a copy of the stopped core’s directory, put elsewhere, has all that was there', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'imkit-backup-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const [original, backup, restored] = ['original', 'backup', 'restored'].map((name) => join(root, name))
  const stack = await startStack(t, { gateways: 0, cores: 0, coreEnv: { JWT_SECRET: 'x'.repeat(43) } })
  const startOn = async (directory: string | undefined) => {
    const core = await stack.addCore({ DATABASE_URL: `pglite:${directory}` })
    const gateway = await stack.addGateway({
      CORE_URLS: core.url,
      CORE_INTERNAL_URL: core.internalUrl,
    })
    const platform = stack.client(
      { 'IM-API-KEY': stack.keys.platformKey, 'IM-Client-ID': 'ann' },
      gateway.url,
    )
    const write = (message: string) =>
      platform.ok('POST', `/rooms/${ROOM}/message`, { messageType: 'text', message })
    const stored = async () => {
      const { data } = await platform.ok('GET', `/rooms/${ROOM}/messages?limit=200`)
      return asList(data)
        .map(({ message, seq }) => `${seq} ${message}`)
        .reverse()
    }
    const stop = async () => {
      await gateway.stop()
      await core.stop()
    }
    return { url: gateway.url, platform, write, stored, stop }
  }

  const first = await startOn(original)
  const made = await first.platform.ok('POST', '/admin/clients', { _id: 'ann', issueAccessToken: true })
  await first.platform.ok('POST', '/rooms', { _id: ROOM, members: ['ann'] })
  for (let n = 1; n <= 20; n++) await first.write(`kept ${n}`)
  const before = await first.stored()
  t.equal(before.length, 20)
  await first.stop()
  await copy(original!, backup!)

  await rm(original!, { recursive: true })
  await copy(backup!, restored!)
  const second = await startOn(restored)
  t.strictSame(await second.stored(), before)
  t.equal((await stack.as(String(made.token), second.url).call('GET', '/me')).status, 200, 'tokens stand')
  t.match(await second.write('and it goes on'), { seq: 21 })
})
