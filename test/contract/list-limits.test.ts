import t from 'tap'
import { asList } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

const CLIENTS = 120
const MESSAGES = 130
const ROOMS = 60

onEachDatabase(t, async (t, server) => {
  t.test('each list has its default, takes any limit, and 0 as none said', async (t) => {
    const app = await server.newApp()
    const customer = app.platform()
    const data = Array.from({ length: CLIENTS }, (_, n) => ({ _id: `u${n}` }))
    await customer.ok('POST', '/admin/clients/list', { data })
    t.match(
      await customer.ok('GET', '/auths/tokens'),
      { totalCount: 0 },
      'a list of clients issues no tokens',
    )
    const ann = app.user('ann')
    await ann.ok('POST', '/rooms/createAndJoin', { _id: 'room' })
    const members = data.map(({ _id }) => _id)
    await customer.ok('POST', '/rooms', { _id: 'large', members })
    await Promise.all(
      Array.from({ length: MESSAGES }, (_, n) => ann.ok('POST', '/rooms/room/message', { message: `${n}` })),
    )
    for (let n = 1; n < ROOMS; n++) await ann.ok('POST', '/rooms', { _id: `r${n}`, members: ['ann'] })
    for (let n = 0; n < 3; n++) await customer.ok('POST', '/admin/groups', { _id: `g${n}`, nickname: 'G' })
    const { _id: middle } = asList(await ann.ok('GET', '/rooms/room/messages/v3?limit=60')).at(-1) ?? {}

    // One more client than the customer made: the one who speaks.
    const lists = [
      [customer, '/admin/clients', 50, CLIENTS + 4],
      [customer, '/admin/messages', 100, MESSAGES],
      [customer, '/admin/groups', 3, 3],
      [customer, '/rooms', ROOMS + 1, ROOMS + 1],
      [ann, '/rooms', ROOMS, ROOMS],
      [ann, '/rooms/ids', ROOMS, ROOMS],
      [ann, '/rooms/room/messages/v3', 20, MESSAGES],
      [ann, '/rooms/room/messages', 20, MESSAGES],
      [ann, '/messages', 20, MESSAGES, 100],
      [ann, '/messages/recent', 20, MESSAGES, 100],
      [customer, '/rooms/large/members', 100, CLIENTS],
    ] as const
    for (const [client, path, byDefault, all, most = all] of lists) {
      const count = async (query: string) => {
        const { data: listed } = await client.ok('GET', `${path}${query}`)
        return Array.isArray(listed) && listed.length
      }
      t.same([await count(''), await count('?limit=0')], [byDefault, byDefault], path)
      t.same([await count('?limit=2'), await count('?limit=1000000')], [Math.min(2, all), most], path)
    }
    for (const path of ['/admin/clients', '/rooms', '/rooms/ids']) {
      const client = path.startsWith('/admin') ? customer : ann
      const { totalCount, data: last } = await client.ok('GET', `${path}?skip=59`)
      t.match(last, { length: Math.min(50, Number(totalCount) - 59) }, path)
      t.match(await client.ok('GET', `${path}?skip=100000`), { data: { length: 0 } }, path)
    }
    const around = await ann.ok('GET', `/rooms/room/messages/${middle}?before=1000000&after=2`)
    t.equal(around.totalCount, MESSAGES - 59 + 2)
    t.equal(asList(await ann.ok('GET', `/rooms/room/messages/${middle}`)).length, 1)
  })
})
