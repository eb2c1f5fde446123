import t from 'tap'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('typing is told to the others and kept nowhere', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    app.takeEvents()
    t.same(await app.user('ann').ok('POST', `/rooms/${room}/typing`, { message: 'h' }), {
      message: 'h',
      room,
      sender: 'ann',
    })
    t.match(app.takeEvents(), [
      { type: 'typing', to: { roomId: room, exceptUserId: 'ann' }, sender: { id: 'ann' }, text: 'h' },
    ])
    t.match(await app.user('eve').call('POST', `/rooms/${room}/typing`), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
  })

  t.test('a room where nothing was said is read to its end', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    for (const body of [{}, undefined, { message: null }, { message: '' }]) {
      const mark = await app.user('ann').ok('PUT', `/rooms/${room}/lastRead`, body)
      t.same(mark, { client: 'ann', badge: 0 }, JSON.stringify(body))
    }
  })

  t.test('read marks move forward only, and unread is last minus read', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const bob = app.user('bob')
    const room = await groupOf(app, 'ann', 'bob')
    const ids: string[] = []
    for (const text of ['1', '2', '3'])
      ids.push(
        String((await ann.ok('POST', `/rooms/${room}/message`, { message: text, mentions: ['bob'] }))._id),
      )
    const seen = async (client: typeof ann) => {
      const { unread, isMentioned } = await client.ok('GET', `/rooms/${room}`)
      return [unread, isMentioned, (await client.ok('GET', '/me/badge')).badge]
    }
    t.same(await seen(bob), [3, true, 3])
    t.same(await seen(ann), [0, false, 0], 'one’s own messages are read')
    app.takeEvents()
    t.same(await bob.ok('PUT', `/rooms/${room}/lastRead`, { message: ids[1] }), {
      client: 'bob',
      lastRead: ids[1],
      badge: 1,
    })
    t.match(app.takeEvents(), [{ type: 'read', userId: 'bob', messageId: ids[1], to: { roomId: room } }])
    t.same(await bob.ok('PUT', `/rooms/${room}/lastRead`, { message: ids[0] }), {
      client: 'bob',
      lastRead: ids[1],
      badge: 1,
    })
    t.same(app.takeEvents(), [], 'a stale mark says nothing')
    t.same(await seen(bob), [1, true, 1])
    t.same(await bob.ok('PUT', `/rooms/${room}/lastRead`, {}), { client: 'bob', lastRead: ids[2], badge: 0 })
    t.same(await seen(bob), [0, false, 0])
    await bob.ok('POST', `/rooms/${room}/message`, { message: '4' })
    t.same(await seen(ann), [1, false, 1])
    await ann.ok('POST', `/rooms/${room}/members`, { invitees: ['cem'], systemMessage: true })
    t.same(await seen(ann), [1, false, 1], 'system messages do not count')
    t.same(await seen(app.user('cem')), [0, false, 0], 'who comes new has nothing to catch up')
    t.match(await bob.call('PUT', `/rooms/${room}/lastRead`, { message: 'x' }), {
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
    })
    t.match(await app.user('eve').call('PUT', `/rooms/${room}/lastRead`, {}), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
    t.match(await bob.call('PUT', '/rooms/nowhere/lastRead', {}), { status: 404, code: 'ROOM_NOT_FOUND' })
  })
})
