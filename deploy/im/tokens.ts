import { listOf, PLATFORM_OPTIONS, platformApi } from './api.ts'
import { type Call, type Command, UsageError } from './command.ts'
import { timeOf } from './keys.ts'
import { readSecretFile, secretOf } from './secrets.ts'
import { table } from './table.ts'

const pathOf = (call: Call): string =>
  `/admin/clients/${encodeURIComponent(String(call.positionals[0]))}/token`

export const tokenCommands: Command[] = [
  {
    name: 'tokens list',
    says: 'list the tokens of the app, without what is secret of them',
    takes: [],
    options: PLATFORM_OPTIONS,
    async run(call) {
      const answer = await (await platformApi(call)).call('GET', '/auths/tokens')
      const rows = listOf(answer.data).map((token) => [
        token._id,
        token.client,
        token.createdAt,
        token.expirationDate,
      ])
      return { json: answer, shown: table(['ID', 'USER', 'MADE', 'ENDS'], rows, 'There are no tokens.') }
    },
  },
  {
    name: 'tokens issue',
    says: 'make a token for a user, who is made where there is none',
    takes: ['<user>'],
    options: PLATFORM_OPTIONS,
    async run(call) {
      const body = { _id: call.positionals[0], issueAccessToken: true }
      const { token, expirationDate } = await (await platformApi(call)).call('POST', '/admin/clients', body)
      return { json: { token, expirationDate }, shown: `${token}\n\nGood until ${expirationDate}.` }
    },
  },
  {
    name: 'tokens bind',
    says: 'let a token of your own making be good for a user',
    takes: ['<user>'],
    options: {
      ...PLATFORM_OPTIONS,
      'token-file': {
        value: 'file',
        says: 'holds the token, - = standard input (or TOKEN, or you are asked)',
      },
      until: { value: 'time', says: 'when it ends: 30m, 12h, 2d, or a time' },
    },
    async run(call) {
      const until = call.text('until')
      const expiration = until === undefined ? {} : { expirationDate: timeOf(until, Date.now()) }
      const token = await secretOf(call, 'token-file', 'TOKEN', 'The token')
      const bound = await (await platformApi(call)).call('PUT', pathOf(call), { token, ...expiration })
      const json = { client: bound.client, expirationDate: bound.expirationDate }
      return { json, shown: `Good for ${bound.client} until ${bound.expirationDate}.` }
    },
  },
  {
    name: 'tokens revoke',
    says: 'end a token of a user, or all: requests are refused and sockets closed at once',
    takes: ['<user>'],
    options: {
      ...PLATFORM_OPTIONS,
      'token-file': { value: 'file', says: 'holds the token, - = standard input' },
      all: { says: 'every token of the user' },
    },
    async run(call) {
      const path = call.text('token-file')
      if ((path === undefined) === !call.flag('all'))
        throw new UsageError('which? --token-file <file>, or --all')
      const body = path === undefined ? {} : { token: await readSecretFile(call, path) }
      const { data } = await (await platformApi(call)).call('DELETE', pathOf(call), body)
      const { length } = listOf(data)
      return { json: { revoked: length }, shown: `${length} revoked` }
    },
  },
]
