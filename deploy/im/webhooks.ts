import { listOf, PLATFORM_OPTIONS, platformApi } from './api.ts'
import { type Command, UsageError } from './command.ts'
import { table } from './table.ts'

const PATH = '/admin/webhooks/dead-letters'

export const webhookCommands: Command[] = [
  {
    name: 'webhooks dead-letters',
    says: 'list what could not be delivered',
    takes: [],
    options: {
      ...PLATFORM_OPTIONS,
      limit: { value: 'n', says: 'at most so many (50)' },
      before: { value: 'id', says: 'older than this one' },
    },
    async run(call) {
      const before = call.text('before')
      const query = `limit=${call.count('limit', 50, 1, 500)}${before === undefined ? '' : `&before=${encodeURIComponent(before)}`}`
      const letters = listOf((await (await platformApi(call)).call('GET', `${PATH}?${query}`)).data)
      const rows = letters.map((letter) => [
        letter.id,
        letter.event,
        letter.room,
        letter.attempts,
        letter.reason,
        letter.deadAt,
      ])
      const names = ['ID', 'EVENT', 'ROOM', 'TRIES', 'REASON', 'GIVEN UP']
      return {
        json: letters,
        shown: table(names, rows, 'Everything was delivered, or is still being tried.'),
      }
    },
  },
  {
    name: 'webhooks replay',
    says: 'try a dead letter again, or all',
    takes: ['[id]'],
    options: { ...PLATFORM_OPTIONS, all: { says: 'every dead letter' } },
    async run(call) {
      const [id] = call.positionals
      if ((id === undefined) === !call.flag('all')) throw new UsageError('which? an id, or --all')
      const path = id === undefined ? PATH : `${PATH}/${encodeURIComponent(id)}`
      const { n } = await (await platformApi(call)).call('POST', `${path}/replay`)
      return { json: { n }, shown: `${n} on the way again` }
    },
  },
]
