import { listOf, OPERATOR_OPTIONS, operatorApi, PLATFORM_OPTIONS, platformApi } from './api.ts'
import { type Command, UsageError } from './command.ts'
import { table } from './table.ts'

/** Operators name the app; a customer has no such command. */
const shut = (name: 'disable' | 'enable', says: string, shown: string): Command => ({
  name: `users ${name}`,
  says,
  takes: ['<user>'],
  options: { app: { value: 'app', says: 'of this app' }, ...OPERATOR_OPTIONS },
  async run(call) {
    const app = call.text('app')
    const [user = ''] = call.positionals
    if (app === undefined) throw new UsageError('whose? --app <app>')
    const api = await operatorApi(call)
    await api.call('POST', `/apps/${encodeURIComponent(app)}/users/${encodeURIComponent(user)}/${name}`)
    return { json: { user }, shown: `${user} ${shown}` }
  },
})

export const userCommands: Command[] = [
  {
    name: 'users list',
    says: 'list the users of the app',
    takes: [],
    options: {
      ...PLATFORM_OPTIONS,
      limit: { value: 'n', says: 'at most so many (50)' },
      skip: { value: 'n', says: 'after so many' },
    },
    async run(call) {
      const limit = call.count('limit', 50, 1, 1_000)
      const skip = call.count('skip', 0, 0, 1_000_000_000)
      const answer = await (await platformApi(call)).call('GET', `/admin/clients?limit=${limit}&skip=${skip}`)
      const users = listOf(answer.data)
      const rows = users.map((user) => [user._id, user.nickname, user.lastLoginTime])
      const shown = table(['USER', 'NICKNAME', 'LAST HERE'], rows, 'There are no users.')
      return { json: answer, shown: `${shown}\n${users.length} of ${answer.totalCount}` }
    },
  },
  {
    name: 'users save',
    says: 'make a user, or change their nickname',
    takes: ['<user>'],
    options: { ...PLATFORM_OPTIONS, nickname: { value: 'name', says: 'what others see' } },
    async run(call) {
      const nickname = call.text('nickname')
      const body = { _id: call.positionals[0], ...(nickname !== undefined && { nickname }) }
      const user = await (await platformApi(call)).call('POST', '/admin/clients', body)
      return { json: user, shown: `${user._id}${user.nickname ? ` (${user.nickname})` : ''} is kept.` }
    },
  },
  shut('disable', 'shut a user out: their sockets close, no token is good', 'is shut out.'),
  shut('enable', 'let a user in again', 'may come in again.'),
  {
    name: 'users connected',
    says: 'count the live sockets of the app',
    takes: [],
    options: PLATFORM_OPTIONS,
    async run(call) {
      const { count } = await (await platformApi(call)).call('GET', '/admin/connection-count')
      return { json: { count }, shown: `${count} live sockets` }
    },
  },
]
