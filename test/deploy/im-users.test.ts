import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { asList, type Json } from '../support/api-client.ts'
import { startStack } from '../support/stack.ts'
import { customer, im, operator } from './im.ts'

t.setTimeout(240_000)

t.test('im, for the users of a running stack', async (t) => {
  const stack = await startStack(t)
  const directory = await mkdtemp(join(tmpdir(), 'im-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const as = (env: Record<string, string>) => async (line: string, input?: string) => {
    const ran = await im([...line.split(' '), '--json'], { env, ...(input !== undefined && { input }) })
    t.equal(ran.stderr, '', line)
    t.equal(ran.code, 0, line)
    return ran.json as Json
  }
  const asOperator = as(operator(stack))
  const asCustomer = as(customer(stack))

  await t.test('users and tokens', async (t) => {
    t.match(await asCustomer('users save ann --nickname Ann'), { _id: 'ann', nickname: 'Ann' })
    const issued = await asCustomer('tokens issue ann')
    const bound = join(directory, 'token')
    await writeFile(bound, 'of-our-own-making\n')
    await asCustomer(`tokens bind ann --token-file ${bound} --until 2h`)
    await asCustomer('tokens bind ann --token-file -', 'from-standard-input\n')
    const [ann, bind, input] = [String(issued.token), 'of-our-own-making', 'from-standard-input'].map(
      (token) => stack.as(token),
    )
    for (const api of [ann, bind, input]) t.match(await api?.call('GET', '/me'), { status: 200 })
    t.equal(asList(await asCustomer('tokens list')).length, 3)

    t.match(await asCustomer(`tokens revoke ann --token-file ${bound}`), { revoked: 1 })
    t.match(await bind?.call('GET', '/me'), { status: 401 })
    await asOperator('users disable ann --app test-app')
    t.match(await ann?.call('GET', '/me'), { status: 401 })
    await asOperator('users enable ann --app test-app')
    t.match(await ann?.call('GET', '/me'), { status: 200 })
    t.match(await asCustomer('tokens revoke ann --all'), { revoked: 2 })
    t.match(await asCustomer('users list'), { totalCount: 1 })
    t.match(await asCustomer('users connected'), { count: 0 })
  })

  await t.test('webhooks', async (t) => {
    t.same(await asCustomer('webhooks dead-letters'), [])
    t.match(await asCustomer('webhooks replay --all'), { n: 0 })
    const none = await im(['webhooks', 'replay', '17'], { env: customer(stack) })
    t.match(none, { code: 1, stderr: /^im: .*There is no such dead letter/ })
  })

  t.notMatch(stack.logs(), 'of-our-own-making')
})
