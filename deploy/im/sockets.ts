import { listOf, PLATFORM_OPTIONS, platformApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'

export const socketCommands: Command[] = [
  {
    name: 'sockets list',
    says: 'list who is connected, newest first',
    takes: ['[user]'],
    options: {
      ...PLATFORM_OPTIONS,
      limit: { value: 'n', says: 'at most so many (50)' },
      before: { value: 'id', says: 'older than this one' },
    },
    async run(call) {
      const query = new URLSearchParams({ limit: String(call.count('limit', 50, 1, 500)) })
      const [client] = call.positionals
      const before = call.text('before')
      if (client !== undefined) query.set('client', client)
      if (before !== undefined) query.set('before', before)
      const answer = await (await platformApi(call)).call('GET', `/admin/sockets?${query}`)
      const rows = listOf(answer.data).map((socket) => [
        socket.id,
        socket.client,
        socket.deviceId,
        socket.transport,
        socket.connectedAt,
        socket.credential,
        socket.node,
      ])
      const names = ['ID', 'USER', 'DEVICE', 'TRANSPORT', 'SINCE', 'CREDENTIAL', 'CORE']
      const shown = table(names, rows, 'Nobody is connected.')
      const partial = answer.complete === true ? '' : '\nNot every core has answered: there may be more.'
      return { json: answer, shown: `${shown}${partial}` }
    },
  },
  {
    name: 'sockets cut',
    says: 'end a socket; its client may come back',
    takes: ['<id>'],
    options: PLATFORM_OPTIONS,
    notes: 'To keep a user out: im users disable, or im tokens revoke.',
    async run(call) {
      const id = String(call.positionals[0])
      await (await platformApi(call)).call('DELETE', `/admin/sockets/${encodeURIComponent(id)}`)
      return { json: { id }, shown: `${id} is cut.` }
    },
  },
]
