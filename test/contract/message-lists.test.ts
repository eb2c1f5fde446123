import t from 'tap'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('v3 pages hold their anchor, in both directions', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const ids: string[] = []
    for (let i = 0; i < 7; i++) {
      server.advance(1)
      ids.push(String((await ann.ok('POST', `/rooms/${room}/message`, { message: `${i}` }))._id))
    }
    const page = async (query: string) => {
      const result = await ann.ok('GET', `/rooms/${room}/messages/v3?${query}`)
      t.equal(result.totalCount, 7, 'the room’s total')
      t.same(result.userDeletedIDs, [])
      return asList(result).map((message) => ids.indexOf(String(message._id)))
    }
    t.same(await page(''), [6, 5, 4, 3, 2, 1, 0], 'newest first')
    t.same(await page('limit=2'), [6, 5])
    t.same(await page(`beforeMessage=${ids[3]}&sortOrder=desc&limit=3`), [3, 2, 1])
    t.same(await page(`beforeMessage=${ids[3]}&limit=3`), [3, 2, 1])
    t.same(await page(`afterMessage=${ids[3]}&sortOrder=asc&limit=3`), [3, 4, 5])
    t.same(await page(`afterMessage=${ids[5]}&sortOrder=asc&timeRangeField=createdAt`), [5, 6])
    t.same(await page(`beforeMessage=${ids[2]}&timeRangeField=messageTime`), [2, 1, 0])
    server.advance(10)
    await ann.ok('POST', `/rooms/${room}/message`, { _id: ids[1], message: 'edited' })
    t.same(await page('limit=2'), [1, 6], 'by default in the order of change')
    t.same(await page('limit=2&timeRangeField=createdAt'), [6, 5])
    const since = asList(await ann.ok('GET', `/rooms/${room}/messages/v3?limit=1`))[0]?.updatedAt
    t.same(await page(`afterTime=${since}`), [1])
    t.same(await page(`afterTime=${Date.parse(String(since))}`), [1])
    for (const query of ['timeRangeField=name', 'sortOrder=up', 'limit=x', 'afterTime=yesterday'])
      t.match(
        await ann.call('GET', `/rooms/${room}/messages/v3?${query}`),
        { status: 400, code: 'INVALID_QUERY' },
        query,
      )
    t.match(await ann.call('GET', `/rooms/${room}/messages/v3?beforeMessage=x`), {
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
    })
  })

  t.test('the old listing leaves its cursor out; the window around a message has it', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const ids: string[] = []
    for (let i = 0; i < 5; i++)
      ids.push(String((await ann.ok('POST', `/rooms/${room}/message`, { message: `${i}` }))._id))
    const at = (result: Parameters<typeof asList>[0]) =>
      asList(result).map((message) => ids.indexOf(String(message._id)))
    const first = await ann.ok('GET', `/rooms/${room}/messages?limit=2`)
    t.same([at(first), first.totalCount], [[4, 3], 5])
    t.same(at(await ann.ok('GET', `/rooms/${room}/messages?limit=2&beforeMessage=${ids[3]}`)), [2, 1])
    const asked = async (q: unknown, query = '') =>
      at(await ann.ok('GET', `/rooms/${room}/messages?${query}&q=${encodeURIComponent(JSON.stringify(q))}`))
    t.same(await asked({ sender: 'ann', message: { $in: ['0', '2', '4'] } }), [4, 2, 0])
    t.same(
      await asked({ message: { $ne: '3' } }, `limit=2&beforeMessage=${ids[4]}`),
      [2, 1],
      'both bounds hold',
    )
    t.same(await asked({ sender: 'bob' }), [])
    for (const q of ['{', '[]', '{"$where":"1"}', '{"fields":1}'])
      t.match(
        await ann.call('GET', `/rooms/${room}/messages?q=${encodeURIComponent(q)}`),
        { status: 400, code: 'INVALID_QUERY' },
        q,
      )
    const around = await ann.ok('GET', `/rooms/${room}/messages/${ids[2]}?before=1&after=2`)
    t.same([at(around), around.totalCount], [[4, 3, 2, 1], 4])
    t.same(at(await ann.ok('GET', `/rooms/${room}/messages/${ids[2]}`)), [2])
    t.match(await ann.call('GET', `/rooms/${room}/messages/nothing`), {
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
    })
  })
})
