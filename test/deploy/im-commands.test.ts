import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { asList } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { startStack } from '../support/stack.ts'
import { customer, im, operator, succeeding } from './im.ts'

t.setTimeout(240_000)

t.test('im, before a running stack', async (t) => {
  const stack = await startStack(t)
  const directory = t.testdir()
  const file = async (name: string, text: string) => {
    await writeFile(join(directory, name), text)
    return join(directory, name)
  }
  const asOperator = succeeding(t, operator(stack))
  const asCustomer = succeeding(t, customer(stack))
  const knows = async (key: unknown) =>
    (await stack.client({ 'IM-API-KEY': String(key) }).call('GET', '/admin/clients')).status === 200
  // An operator's commands go to a core, and the gateway follows.
  const forgets = (key: unknown) => eventually('the gateway refuses the key', async () => !(await knows(key)))
  const learns = (key: unknown) => eventually('the gateway takes the key', () => knows(key))

  await t.test('an operator makes an app, and its keys from the first to the last', async (t) => {
    await asOperator('apps create second')
    t.match(asList(await asOperator('apps list')), [{ app: 'second' }, { app: 'test-app' }])
    const settings = await file('settings.json', '{"origins":["https://second.example"]}')
    t.match(await asOperator(`apps set ${settings} --app second`), {
      settings: { origins: ['https://second.example'] },
    })
    t.match(await asOperator('apps show --app second'), { app: 'second' })

    const key = await asOperator('keys create --app second platform-key')
    t.ok(await knows(key.secret))
    const next = await asOperator(`keys rotate --app second ${key.id} --overlap 1h`)
    t.ok((await knows(key.secret)) && (await knows(next.secret)), 'both are good for a while')
    t.match(asList(await asOperator('keys list --app second')), [
      { id: next.id, state: 'live' },
      { id: key.id },
    ])
    await asOperator(`keys revoke --app second ${key.id}`)
    await t.resolves(forgets(key.secret))
    t.ok(await knows(next.secret))

    t.match(await asOperator('apps allow-list 10.1.0.0/16 --app second'), ['10.1.0.0/16'])
    await t.resolves(forgets(next.secret), 'this address is not among them')
    t.match(await asOperator('apps allow-list --app second'), ['10.1.0.0/16'])
    t.match(await asOperator('apps allow-list --everywhere --app second'), [])
    await t.resolves(learns(next.secret))
  })

  await t.test('a customer does the same for its own app, through the gateway', async (t) => {
    const key = await asCustomer('keys create client-key')
    t.ok(asList(await asCustomer('keys list')).some(({ id }) => id === key.id))
    await asCustomer(`keys revoke ${key.id}`)
    t.match(await asCustomer('apps show'), { app: 'test-app' })
  })

  await t.test('what is for people is aligned, and a wrong key or app is a line', async (t) => {
    const keys = await im(['keys', 'list', '--app', 'second'], { env: operator(stack) })
    t.match(keys.stdout, /^ID +KIND +STATE +BEGINS +ENDS +LAST USED\n/)
    const made = await im(['keys', 'create', 'client-key', '--app', 'second'], { env: operator(stack) })
    t.match(made.stdout, /told this once/)
    t.match(await im(['keys', 'list', '--app', 'none'], { env: operator(stack) }), {
      code: 1,
      stderr: 'im: No such app. (APP_NOT_FOUND)\n',
    })
    const wrong = await file('key', 'not-the-key')
    const refused = await im(['users', 'list', '--platform-key-file', wrong], {
      env: { GATEWAY_URL: stack.url },
    })
    t.match(refused, { code: 1, stderr: /^im: the gateway does not know this platform key/ })

    const key = await asOperator('keys create --app second platform-key')
    await asOperator(
      `keys rotate --app second ${key.id} --overlap ${new Date(Date.now() + 1_000).toISOString()}`,
    )
    await eventually('it has expired', async () => !(await knows(key.secret)))
    const env = { GATEWAY_URL: stack.url, PLATFORM_KEY: String(key.secret) }
    t.match(await im(['users', 'save', 'nobody'], { env }), {
      code: 1,
      stdout: '',
      stderr: /^im: the gateway does not know .* or it has expired .*\)\n$/,
    })
    t.notMatch(stack.logs(), 'not-the-key')
  })
})

t.test('an operators’ API with a token says so', async (t) => {
  const stack = await startStack(t, { coreEnv: { CORE_ADMIN_TOKEN: 'a-token-for-operators' } })
  const env = operator(stack)
  t.match(await im(['apps', 'list'], { env }), {
    code: 1,
    stderr: /^im: the admin token is missing or wrong: set CORE_ADMIN_TOKEN/,
  })
  t.match(await im(['apps', 'list'], { env: { ...env, CORE_ADMIN_TOKEN: 'a-token-for-operators' } }), {
    code: 0,
    stdout: /test-app/,
  })
})
