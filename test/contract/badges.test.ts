import t from 'tap'
import { bindToken } from '../../core/credentials/tokens.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('badges by room tags: a room counts for each of its tags, and once in the total', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const one = await groupOf(app, 'ann', 'bob')
    const two = await groupOf(app, 'ann', 'bob')
    const three = await groupOf(app, 'ann', 'bob')
    await ann.ok('PUT', `/rooms/${one}`, { roomTags: ['a', 'b'] })
    await ann.ok('PUT', `/rooms/${two}`, { roomTags: ['b', '__proto__'] })
    for (const room of [one, two, two, three])
      await ann.ok('POST', `/rooms/${room}/message`, { message: 'x' })
    const bob = app.user('bob')
    const all = await bob.ok('POST', '/badges/byRoomTags')
    t.equal(all.totalBadge, 4)
    t.equal(JSON.stringify(all.data), '{"a":1,"b":3,"__proto__":2}')
    t.same(await bob.ok('POST', '/badges/byRoomTags', { tags: ['a', 'none'] }), {
      totalBadge: 1,
      data: { a: 1, none: 0 },
    })
    t.same(await ann.ok('POST', '/badges/byRoomTags', {}), { totalBadge: 0, data: {} })
    t.same(await app.platform().ok('POST', '/badges/byRoomTags', { tags: ['a'] }), {
      totalBadge: 0,
      data: { a: 0 },
    })
    t.match(await app.platform('bob').ok('POST', '/badges/byRoomTags', { tags: ['a'] }), { totalBadge: 1 })
    t.match(await bob.call('POST', '/badges/byRoomTags', { tags: 'a' }), { status: 400 })
  })

  t.test('badges by time count what is older', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    await ann.ok('PUT', `/rooms/${room}`, { roomTags: ['a'] })
    const times: number[] = []
    for (const message of ['1', '2', '3']) {
      server.advance(1_000)
      times.push(Number((await ann.ok('POST', `/rooms/${room}/message`, { message })).createdAtMS))
    }
    const before = async (beforeTime: unknown) =>
      (await app.user('bob').ok('POST', '/badges/byRoomTagsAndTime', { beforeTime })).totalBadge
    t.equal(await before(times[0]), 0)
    t.equal(await before(times[1]), 1)
    t.equal(await before(new Date(times[2]!).toISOString()), 2)
    t.equal(await before(times[2]! + 1), 3)
    t.equal(await before(null), 3)
    t.match(await app.user('bob').call('POST', '/badges/byRoomTagsAndTime', { beforeTime: 'soon' }), {
      status: 400,
      code: 'INVALID_QUERY',
    })
  })

  t.test('a client key alone reads the totals of tokens that it holds', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    await app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'x' })
    const { chat } = server
    const credentials = { ...chat, nudge: () => {}, jwtSecret: Buffer.alloc(32), tokenLifetimeMs: 60_000 }
    const appDefaults = { origins: ['*'], authUrl: undefined, privateUpstreams: 'none' as const }
    await bindToken({ ...credentials, appDefaults }, app.app, { userId: 'bob', token: 'bobs-token' })
    const visitor = server.as({ kind: 'anonymous', app: app.app })
    t.same(await visitor.ok('POST', '/badges', { tokens: ['bobs-token', 'bobs-token', 'unknown'] }), {
      data: [{ client: 'bob', badge: 1 }],
      totalBadge: 1,
    })
    t.same(await visitor.ok('POST', '/badges', { tokens: [] }), { data: [], totalBadge: 0 })
    t.match(await visitor.call('POST', '/badges', { tokens: 'x' }), { status: 400 })
    t.match(await server.as({ kind: 'anonymous', app: undefined }).call('POST', '/badges', { tokens: [] }), {
      status: 401,
    })
    const other = await server.newApp()
    t.same(
      await server
        .as({ kind: 'anonymous', app: other.app })
        .ok('POST', '/badges', { tokens: ['bobs-token'] }),
      { data: [], totalBadge: 0 },
    )
  })
})
