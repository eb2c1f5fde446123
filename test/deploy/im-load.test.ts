import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { asObject, type Json } from '../support/api-client.ts'
import { startStack } from '../support/stack.ts'
import { customer, im, MAIN } from './im.ts'

t.setTimeout(240_000)

t.test('im load', async (t) => {
  const stack = await startStack(t)
  const env = { ...customer(stack), CLIENT_KEY: stack.keys.clientKey }
  const load = (...words: string[]) =>
    im(['load', '--users', '12', '--rate', '20', '--duration', '2', ...words], { env })

  await t.test('sends at its rate, follows every message to every socket, and tidies up', async (t) => {
    const { code, json, stderr } = await load('--json')
    t.equal(stderr, '', 'no bar where nobody watches')
    t.equal(code, 0)
    // 40 messages: 34 in the room of ten, 6 in that of two.
    t.match(json, {
      users: 12,
      sent: 40,
      refused: {},
      lost: 0,
      socketsLost: 0,
      send: { count: 40 },
      delivery: { count: 352 },
    })
    const { p50Ms, p99Ms } = asObject(asObject(json as Json).delivery)
    t.ok(Number(p50Ms) > 0 && Number(p99Ms) >= Number(p50Ms))
    t.match(await stack.platform.ok('GET', '/rooms'), { totalCount: 0 })
    t.match(await stack.platform.ok('GET', '/auths/tokens'), { totalCount: 0 })
  })

  await t.test('says for people what it measured', async (t) => {
    const { code, stdout } = await load()
    t.equal(code, 0)
    t.match(stdout, /^12 users, [\d.]+ s\nsent +40 +p50 [\d.]+ ms +p99 /)
  })

  await t.test('draws a bar for whoever watches', async (t) => {
    const words = [process.execPath, MAIN, 'load', '--users', '2', '--rate', '4', '--duration', '1']
    const { stdout } = await promisify(execFile)('script', ['-qefc', words.join(' '), '/dev/null'], {
      env: { ...process.env, ...env },
    })
    for (const stage of ['making users, rooms and tokens', 'connecting', '0 messages sent', 'tidying up'])
      t.match(stdout, new RegExp(`\\r[█░]{24} +\\d+ % {2}${stage}`))
    t.match(stdout, /█{24} 100 % {2}4 messages sent/)
    t.ok(stdout.includes('\r\x1b[K2 users, '), 'the summary stands where the bar was')
  })

  await t.test('a wrong client key ends it in a line, with nothing left behind', async (t) => {
    const { code, stderr } = await load('--client-key', 'of-nobody')
    t.equal(code, 1)
    t.match(stderr, /^im: a socket was not signed in: RC 401; is the client key right\?\n$/)
    t.match(await stack.platform.ok('GET', '/auths/tokens'), { totalCount: 0 })
  })
})
