import t from 'tap'
import { asList, asObject } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('the room list is one’s own rooms, newest activity first, in pages', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    for (const _id of ['r1', 'r2', 'r3', 'r4']) {
      server.advance(3)
      await ann.ok('POST', '/rooms/createAndJoin', {
        _id,
        name: `room ${_id}`,
        invitee: 'bob',
        ...(_id > 'r2' && { roomTags: ['late'] }),
      })
    }
    const list = async (query: string, client = ann) => {
      const result = await client.ok('GET', `/rooms?${query}`)
      return asList(result).map((room) => room._id)
    }
    t.same(await list('skip=0&limit=30&q=%7B+"members":+"ann"+%7D&sort=-lastMessage&sortUnreadFirst=0'), [
      'r4',
      'r3',
      'r2',
      'r1',
    ])
    server.advance(3)
    await app.user('bob').ok('POST', '/rooms/r2/message', { message: 'x' })
    server.advance(3)
    await app.user('bob').ok('POST', '/rooms/r1/message', { message: 'x' })
    await ann.ok('PUT', '/rooms/r1/lastRead', {})
    t.same(await list('limit=3'), ['r1', 'r2', 'r4'])
    t.same(await list('limit=3&skip=3'), ['r3'])
    t.same(await list('sort=lastMessage'), ['r1', 'r2', 'r4', 'r3'], 'this means newest first too')
    t.same(await list('sort=-lastMessage%20-createdTime&sortUnreadFirst=1'), ['r2', 'r1', 'r4', 'r3'])
    t.same(await list('sort=createdTime'), ['r1', 'r2', 'r3', 'r4'])
    t.same(await list('sort=-name&limit=2'), ['r4', 'r3'])
    t.same(await list(`q=${JSON.stringify({ roomTags: 'late' })}`), ['r4', 'r3'])
    t.same(await list(`q=${JSON.stringify({ _id: { $in: ['r1', 'r4', 'zz'] } })}`), ['r1', 'r4'])
    t.same(
      await list(`q=${JSON.stringify({ name: { $regex: '^ROOM r[', $options: 'i' } }).replace('[', '3')}`),
      ['r3'],
    )
    t.same(await list(`q=${JSON.stringify({ members: 'bob', roomType: 'group' })}&limit=1`), ['r1'])
    t.same(await list(`q=${JSON.stringify({ members: 'eve' })}`), [])
    t.same(await list('q={"members":"eve"}', app.user('eve')), [])
    t.same(await list('sort=_id&limit=2'), ['r1', 'r2'])
    t.same(await list('sort=-_id&limit=2'), ['r4', 'r3'])
    t.same(await list(`q=${JSON.stringify({ owner: 'ann', status: 1, opening: { $ne: 0 } })}&limit=1`), [
      'r1',
    ])
    t.same(await list(`q=${JSON.stringify({ createdTime: { $lt: '2001-01-01' } })}`), [])
    t.equal((await list('limit=0')).length, 4, 'no limit')
    await ann.ok('POST', '/roomPrefs/r3', { tags: ['work'], sticky: true })
    t.same(await list(`pref=${JSON.stringify({ tags: 'work', sticky: true })}`), ['r3'])
    const [r1] = asList(await ann.ok('GET', '/rooms?limit=1'))
    t.match(r1, {
      lastMessage: { message: 'x', sender: { _id: 'bob' } },
      unread: 0,
      pref: { hidden: false },
      members: [{}, {}],
    })
    const after = Number(asObject(r1?.lastMessage).createdAtMS) - 1
    t.same(await list(`updatedAfter=${after}`), ['r1'])
    t.same(await list(`updatedAfter=${new Date(after).toISOString()}`), ['r1'])
    t.match(await ann.ok('GET', '/rooms/ids?limit=2&skip=1'), { totalCount: 4, data: ['r2', 'r4'] })
    await app.platform().ok('PUT', '/rooms/r2', { status: 0 })
    t.same(await list('limit=2'), ['r1', 'r4'], 'a frozen room is not listed')
    t.equal((await ann.ok('GET', '/rooms?limit=1')).totalCount, 3)
    await app.platform().ok('PUT', '/rooms/r2', { status: 1 })
    t.same(await list('limit=2'), ['r1', 'r2'])
  })

  t.test('what may not be asked for is refused', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    for (const q of [
      '{',
      '[]',
      '"x"',
      '{"$where":"1"}',
      '{"webhook":"x"}',
      '{"status":"1"}',
      '{"createdTime":{"$gt":"soon"}}',
      '{"name":{"$regex":"(a+)+$"}}',
      '{"name":{"$gt":{"$x":1}}}',
      '{"__proto__":1}',
      '{"roomTags":7}',
      '{"members":{"$size":2}}',
    ])
      t.match(
        await ann.call('GET', `/rooms?q=${encodeURIComponent(q)}`),
        { status: 400, code: 'INVALID_QUERY' },
        q,
      )
    for (const query of ['sort=password', 'limit=-1', 'skip=a', 'updatedAfter=soon', 'pref={"x":1}'])
      t.match(await ann.call('GET', `/rooms?${query}`), { status: 400, code: 'INVALID_QUERY' }, query)
  })

  t.test('a platform key lists every room of its app; acting for a user, that user’s', async (t) => {
    const app = await server.newApp()
    const other = await server.newApp()
    for (const id of ['ann', 'bob'])
      await app.user(id).ok('POST', '/rooms/createAndJoin', { _id: `of-${id}` })
    await other.user('ann').ok('POST', '/rooms/createAndJoin', { _id: 'elsewhere' })
    t.match(await app.platform().ok('GET', '/rooms'), {
      totalCount: 2,
      data: [{ unread: 0, isSuperuser: true }, {}],
    })
    t.match(await app.platform('ann').ok('GET', '/rooms'), { totalCount: 1, data: [{ _id: 'of-ann' }] })
    t.same((await app.platform().ok('GET', '/rooms/ids')).data, ['of-bob', 'of-ann'])
    t.same((await app.platform('bob').ok('GET', '/rooms/ids')).data, ['of-bob'])
    t.match(await other.platform().call('GET', '/rooms/of-ann'), { status: 404 })
    t.match(await other.user('ann').call('GET', '/rooms/of-ann'), { status: 404 })
  })

  t.test('a large room takes its place in the list like any other', async (t) => {
    const app = await server.newApp()
    const members = Array.from({ length: 205 }, (_, i) => `u${i}`)
    for (const _id of ['s1', 's2', 's3']) {
      server.advance(2_000)
      await app.user('u0').ok('POST', '/rooms/createAndJoin', { _id })
    }
    const large = await app.platform().ok('POST', '/rooms', { _id: 'large', members })
    t.equal(
      asList(
        await app
          .user('u0')
          .ok('GET', '/rooms/large')
          .then((room) => room.members),
      ).length,
      205,
    )
    t.equal((large.members as unknown[]).length, 205)
    const list = async () => asList(await app.user('u0').ok('GET', '/rooms?limit=2')).map((room) => room._id)
    server.advance(2_000)
    await app.user('u0').ok('POST', '/rooms/s1/message', { message: 'x' })
    server.advance(2_000)
    await app.user('u0').ok('POST', '/rooms/s3/message', { message: 'x' })
    t.same(await list(), ['s3', 's1'])
    server.advance(2_000)
    await app.user('u7').ok('POST', '/rooms/large/message', { message: 'x', mentions: ['u0'] })
    t.same(await list(), ['large', 's3'])
    t.match(await app.user('u0').ok('GET', '/rooms'), {
      totalCount: 4,
      data: [{ unread: 1, isMentioned: true }, {}, {}, {}],
    })
    t.equal((await app.user('u9').ok('GET', '/me/badge')).badge, 1)
  })

  t.test('a list of many rooms in the same second is in the exact order of their activity', async (t) => {
    const app = await server.newApp()
    const ids = Array.from({ length: 12 }, (_, i) => `m${i}`)
    for (const _id of ids) await app.user('ann').ok('POST', '/rooms/createAndJoin', { _id, invitee: 'bob' })
    const order = [3, 9, 1, 3, 7, 9, 0, 3, 11]
    for (const i of order) {
      server.advance(40)
      await app.user('bob').ok('POST', `/rooms/m${i}/message`, { message: 'x' })
    }
    const rooms = asList(await app.user('ann').ok('GET', '/rooms?limit=5'))
    t.same(
      rooms.map((room) => room._id),
      ['m11', 'm3', 'm0', 'm9', 'm7'],
    )
  })
})
