import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { gone, type Launched, launch, temporaryDirectory } from './launch.ts'

const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '')
const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

t.setTimeout(150_000)

/** Used by one start after another, so that each finds what the one before left behind, however it ended. */
const dataDir = join(await temporaryDirectory(t), 'not-there-yet')

t.test('one start runs gateway and core, and says where', async (t) => {
  const launched = launch(t, dataDir)
  const demo = await launched.running

  const said = launched.stdout()
  t.match(said, `${demo.gatewayUrl}/demo/`, 'the address of the page')
  t.match(said, `${demo.gatewayAdminUrl}/console/`)
  t.match(said, `${demo.gatewayUrl}/console/`)
  t.match(said, demo.coreAdminUrl)
  t.match(said, /power loss/, 'what durability means here')
  t.notMatch(said, demo.platformKey, 'keys stay in their file')
  t.equal(launched.stderr(), '')
  for (const url of [demo.gatewayAdminUrl, demo.coreAdminUrl])
    t.equal((await fetch(`${url}/readyz`)).status, 200, `${url} is ready`)

  t.strictSame(Object.keys(demo), [
    'gatewayUrl',
    'gatewayAdminUrl',
    'coreAdminUrl',
    'clientKey',
    'platformKey',
  ])
  t.equal(await mode(join(launched.dataDir, 'demo.json')), '600')
  t.equal(await mode(join(launched.dataDir, 'secrets.json')), '600')
  t.equal(await mode(join(launched.dataDir, 'core.log')), '600')
  t.equal(await mode(launched.dataDir), '700')
  const logs = await Promise.all(
    ['gateway.log', 'core.log'].map((name) => readFile(join(launched.dataDir, name), 'utf8')),
  )
  for (const log of logs) {
    t.match(log, '"listening"')
    t.notMatch(log, demo.platformKey, 'no key in a log')
  }

  t.test('a second start in the same directory is refused with one line', async (t) => {
    const second = launch(t, launched.dataDir)
    t.equal(await second.exited, 1)
    t.strictSame(lines(second.stderr()).length, 1)
    t.match(second.stderr(), /is in use by process \d+/)
    t.equal(second.stdout(), '')
  })

  t.test('SIGINT stops gateway and core, and ends cleanly', async (t) => {
    const pids = await launched.servicePids()
    t.equal(pids.length, 2)
    launched.process.kill('SIGINT')
    t.equal(await launched.exited, 0)
    await gone(pids)
    t.notMatch(launched.stderr(), /ended/, 'a wanted end is no failure')
  })
})

t.test('keys, tokens and messages outlive ends of every kind', async (t) => {
  const first = launch(t, dataDir)
  const before = await first.running
  const signedIn = await post(`${before.gatewayUrl}/demo/sign-in`, { user: 'ada' })
  t.equal(signedIn.status, 200)
  const asAda = { 'IM-Client-Key': before.clientKey, 'IM-Authorization': signedIn.body.token ?? '' }
  const sent = await post(
    `${before.gatewayUrl}/rooms/lobby/message`,
    { messageType: 'text', message: 'kept' },
    asAda,
  )
  t.equal(sent.status, 200)
  const kept = async (launched: Launched) => {
    const after = await launched.running
    t.equal(after.clientKey, before.clientKey)
    t.equal(after.platformKey, before.platformKey)
    const answer = await fetch(`${after.gatewayUrl}/rooms/lobby/messages/v3?limit=5`, { headers: asAda })
    t.equal(answer.status, 200, 'the token still stands')
    const { result } = (await answer.json()) as { result: { data: unknown[] } }
    t.match(result.data[0], { message: 'kept', sender: { _id: 'ada' } })
  }

  const whenItDies = async (t: Test, launched: Launched, which: 'core' | 'gateway') => {
    const pids = await launched.servicePids()
    process.kill(pids[which === 'core' ? 0 : 1] ?? 0, 'SIGKILL')
    t.equal(await launched.exited, 1)
    t.equal(lines(launched.stderr()).length, 1)
    t.match(launched.stderr(), `The ${which} ended (SIGKILL)`)
    await gone(pids)
  }
  await t.test('when the core dies, everything ends, and one line says why', (t) =>
    whenItDies(t, first, 'core'),
  )
  const second = launch(t, dataDir)
  await kept(second)
  await t.test('when the gateway dies, everything ends, and one line says why', (t) =>
    whenItDies(t, second, 'gateway'),
  )

  const third = launch(t, dataDir)
  await kept(third)
  await t.test('a launcher that is killed takes its services along', async () => {
    const pids = await third.servicePids()
    third.process.kill('SIGKILL')
    await gone(pids)
  })

  const fourth = launch(t, dataDir, {}, ['npm', 'start'])
  await kept(fourth)
  await t.test('stopping npm stops everything that `npm start` started', async () => {
    fourth.process.kill('SIGTERM')
    await fourth.exited
    await kept(launch(t, dataDir))
  })
})

t.test('a busy port is said in one line, with the name of its setting', async (t) => {
  const occupant = createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  t.teardown(() => occupant.close())
  const port = String((occupant.address() as AddressInfo).port)
  const launched = launch(t, await temporaryDirectory(t), { CORE_ADMIN_PORT: port })
  t.equal(await launched.exited, 1)
  t.strictSame(lines(launched.stderr()), [
    `Port ${port} on 127.0.0.1 is in use. Free it, or choose another with CORE_ADMIN_PORT (0 = any free port).`,
  ])
})

t.test('settings that make no sense are all named in one line', async (t) => {
  const launched = launch(t, await temporaryDirectory(t), { GATEWAY_PORT: '99999', CORE_PORT: 'x' })
  t.equal(await launched.exited, 1)
  t.equal(lines(launched.stderr()).length, 1)
  t.match(launched.stderr(), /GATEWAY_PORT is "99999".*CORE_PORT is "x"/)
})

t.test('a setting that a service refuses is said in one line, with the place of its log', async (t) => {
  const launched = launch(t, await temporaryDirectory(t), { LOG_LEVEL: 'loud' })
  t.equal(await launched.exited, 1)
  t.equal(lines(launched.stderr()).length, 1)
  t.match(launched.stderr(), /The core ended .*LOG_LEVEL.*core\.log/)
})

t.test('a damaged file of secrets stops the start instead of being replaced', async (t) => {
  const directory = await temporaryDirectory(t)
  await writeFile(join(directory, 'secrets.json'), '{"clientKey":"short"}')
  const launched = launch(t, directory)
  t.equal(await launched.exited, 1)
  t.match(lines(launched.stderr()), [/secrets\.json is damaged/])
})

t.test('a Node that cannot read TypeScript gets one line that says what to run', async (t) => {
  const script = new URL('../../deploy/embedded/start.js', import.meta.url).pathname
  const asOld = `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } }); await import(${JSON.stringify(script)})`
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', asOld])
  const failure = await run.then(
    () => t.fail('it started'),
    (error: { code: number; stderr: string }) => error,
  )
  t.match(failure, { code: 1, stderr: /^Node 20\.20\.2 is too old here\. .*"npm start".*\n$/ })
})

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
