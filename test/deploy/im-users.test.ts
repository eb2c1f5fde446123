import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { asList } from '../support/api-client.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'
import { customer, operator, succeeding } from './im.ts'

t.setTimeout(240_000)

t.test('im, for the users of a running stack', async (t) => {
  const stack = await startStack(t)
  const directory = t.testdir()
  const asOperator = succeeding(t, operator(stack))
  const asCustomer = succeeding(t, customer(stack))

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
    const socket = connectSocket(t, 4, stack.url)
    await socket.connected
    t.match(await socket.ask('auth', String((await asCustomer('tokens issue ann')).token)), { RC: 0 })
    t.match(await asCustomer('users connected'), { count: 1 })
  })

  t.notMatch(stack.logs(), 'of-our-own-making')
})
