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

  t.test('rooms are found by what customers keep with them, and by each preference', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    await app.platform().ok('POST', '/rooms', {
      _id: 'kept',
      members: ['ann'],
      cover: 'c.png',
      serviceStatus: 2,
      assignTo: 'agent-7',
      refRoom: 'other',
      isPublic: true,
    })
    await app.platform().ok('POST', '/rooms', { _id: 'bare', members: ['ann'] })
    await ann.ok('POST', '/roomPrefs/kept', { folder: 'f', muted: true, hidden: true, translation: false })
    const found = async (parameter: string, filter: unknown) =>
      (await ann.ok('GET', `/rooms?${parameter}=${encodeURIComponent(JSON.stringify(filter))}&sort=-_id`))
        .data
    const kept = [
      ['q', { serviceStatus: 2 }],
      ['q', { serviceStatus: { $gte: 1, $in: [1, 2] } }],
      ['q', { assignTo: 'agent-7' }],
      ['q', { assignTo: { $regex: '^agent' } }],
      ['q', { refRoom: { $exists: true } }],
      ['q', { isPublic: true }],
      ['q', { isPublic: { $ne: null } }],
      ['q', { cover: 'c.png' }],
      ['pref', { room: 'kept' }],
      ['pref', { folder: 'f', muted: true, hidden: true, translation: false }],
    ] as const
    for (const [parameter, filter] of kept)
      t.match(await found(parameter, filter), [{ _id: 'kept' }], JSON.stringify(filter))
    for (const filter of [
      { serviceStatus: null },
      { assignTo: { $ne: 'agent-7' } },
      { isPublic: { $ne: true } },
    ])
      t.match(await found('q', filter), [{ _id: 'bare' }], JSON.stringify(filter))
    t.match(await found('pref', { quittedAt: null }), [{ _id: 'kept' }, { _id: 'bare' }])
    const lists = [
      [{ members: { $in: [] } }, 0],
      [{ members: { $nin: [] } }, 2],
      [{ members: { $all: [] } }, 2],
      [{ members: { $in: ['ann', 'x'] }, roomTags: { $nin: ['x'] } }, 2],
      [{ members: { $all: ['ann', 'x'] } }, 0],
      [{ serviceStatus: { $in: [] } }, 0],
      [{ serviceStatus: { $nin: [] } }, 2],
      [{ serviceStatus: { $in: [null, 7] } }, 1],
      [{ serviceStatus: { $nin: [null] } }, 1],
      [{ createdTime: { $in: ['2001-01-01', 0] } }, 0],
      [{ isPublic: { $nin: [true] } }, 1],
    ] as const
    for (const [filter, count] of lists)
      t.match(await found('q', filter), { length: count }, JSON.stringify(filter))

    const many = (length: number) => Array.from({ length }, (_, n) => `${n}`)
    const hostile = [
      { serviceStatus: '2' },
      { serviceStatus: 1.5 },
      { serviceStatus: 2 ** 31 },
      { serviceStatus: { $regex: '2' } },
      { isPublic: 1 },
      { isPublic: 'true' },
      { assignTo: 7 },
      { assignTo: { $ne: { $gt: '' } } },
      { assignTo: { $regex: '(a|a)*$' } },
      { assignTo: { $where: 'sleep(1)' } },
      { refRoom: [] },
      { refRoom: { $in: many(1_001) } },
      { members: { $in: many(101) } },
      { members: { $all: many(9) } },
      { $and: [{ refRoom: { $in: many(600) } }, { assignTo: { $nin: many(600) } }] },
      { $or: many(33).map((assignTo) => ({ assignTo })) },
      { $or: [{ $or: [{ $or: [{ $or: [{ isPublic: true }] }] }] }] },
      { webhook: { $regex: '^https' } },
      { assign_to: 'agent-7' },
      { 'assignTo; DROP TABLE rooms': 'x' },
    ]
    for (const filter of hostile) {
      const path = `/rooms?q=${encodeURIComponent(JSON.stringify(filter))}`
      t.match(await ann.call('GET', path), { status: 400, code: 'INVALID_QUERY' }, path.slice(0, 90))
    }
    t.same(await found('q', { assignTo: "agent-7' OR '1'='1" }), [])
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
    await app.platform().ok('POST', '/rooms', { _id: 'large', members })
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
