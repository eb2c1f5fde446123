import t from 'tap'
import { type ApiClient, asList, type Json } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

const send = (client: ApiClient, room: string, message: string): Promise<Json> =>
  client.ok('POST', `/rooms/${room}/message`, { message })

onEachDatabase(t, async (t, server) => {
  t.test(
    'those in charge delete a message for all: it is gone, and its place is not taken again',
    async (t) => {
      const app = await server.newApp()
      const ann = app.user('ann')
      const room = await groupOf(app, 'ann', 'bob')
      const one = await send(ann, room, 'one')
      const two = await send(app.user('bob'), room, 'two')
      app.takeEvents()
      t.match(await app.user('bob').call('DELETE', `/rooms/${room}/messages/${two._id}`), {
        status: 403,
        code: 'PERMISSION_DENIED',
      })
      const deleted = await ann.ok('DELETE', `/rooms/${room}/messages/${two._id}`)
      t.match(deleted, { deletedCount: 1, roomID: room, messageID: two._id, deletedBy: 'ann' })
      t.equal(Date.parse(String(deleted.deletedAt)), deleted.deletedAtMS)
      const events = app.takeEvents()
      t.match(events, [
        { type: 'messages-deleted', to: { roomId: room }, messageIds: [two._id], evSeq: 1 },
        { type: 'room-changed', room: { lastMessage: { id: one._id }, lastSeq: 2, evSeq: 1 } },
      ])
      const listed = await ann.ok('GET', `/rooms/${room}/messages/v3`)
      t.equal(listed.totalCount, 1)
      t.same(
        asList(listed).map((message) => message._id),
        [one._id],
      )
      t.equal((await send(ann, room, 'three')).seq, 3)
      t.match(await ann.call('DELETE', `/rooms/${room}/messages/${two._id}`), {
        status: 404,
        code: 'MESSAGE_NOT_FOUND',
      })
      t.match(await app.user('eve').call('DELETE', `/rooms/${room}/messages/${one._id}`), {
        status: 403,
        code: 'NOT_ROOM_MEMBER',
      })
    },
  )

  t.test('a direct room belongs to both: neither takes the words of the other away', async (t) => {
    const app = await server.newApp()
    const room = await app
      .user('ann')
      .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'bob' })
    const { _id } = await send(app.user('bob'), String(room._id), 'x')
    const path = `/rooms/${room._id}/messages/${_id}`
    t.match(await app.user('ann').call('DELETE', path), { status: 403, code: 'PERMISSION_DENIED' })
    t.match(await app.platform().ok('DELETE', path), { deletedCount: 1, deletedBy: null })
  })

  t.test('what is deleted unread is no longer unread', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob')
    const ids = []
    for (const text of ['a', 'b', 'c']) ids.push(String((await send(ann, room, text))._id))
    await bob.ok('PUT', `/rooms/${room}/lastRead`, { message: ids[0] })
    t.equal((await bob.ok('GET', `/rooms/${room}`)).unread, 2)
    await ann.ok('DELETE', `/rooms/${room}/messages/${ids[1]}`)
    t.equal((await bob.ok('GET', `/rooms/${room}`)).unread, 1)
    await ann.ok('DELETE', `/rooms/${room}/messages/${ids[0]}`)
    t.equal((await bob.ok('GET', `/rooms/${room}`)).unread, 1, 'it was read')
    t.equal((await bob.ok('PUT', `/rooms/${room}/lastRead`, { message: ids[2] })).badge, 0)
    await ann.ok('DELETE', `/rooms/${room}/messages/${ids[2]}`)
    t.match(await bob.call('PUT', `/rooms/${room}/lastRead`, { message: ids[2] }), { status: 404 })
    await send(ann, room, 'd')
    t.equal((await bob.ok('GET', `/rooms/${room}`)).unread, 1)
  })

  t.test('all messages of a room go at once, and what follows is kept', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    await Promise.all(Array.from({ length: 520 }, (_, i) => send(ann, room, `${i}`)))
    app.takeEvents()
    t.match(await app.user('bob').call('DELETE', `/rooms/${room}/messages/_all`), { status: 403 })
    t.match(await ann.ok('DELETE', `/rooms/${room}/messages/_all`), { deletedCount: 520, messageID: '_all' })
    const told = app
      .takeEvents()
      .flatMap((event) => (event.type === 'messages-deleted' ? event.messageIds : []))
    t.equal(new Set(told).size, 520)
    t.match(await ann.ok('GET', `/rooms/${room}/messages/v3`), { totalCount: 0, data: [] })
    t.match(await app.user('bob').ok('GET', `/rooms/${room}`), {
      unread: 0,
      lastMessage: undefined,
      evSeq: 520,
    })
    t.equal((await send(ann, room, 'after')).seq, 521)
    t.equal((await app.user('bob').ok('GET', `/rooms/${room}`)).unread, 1)
  })

  t.test(
    'a cursor on a deleted message still pages, and nothing is lost to who drops the first row',
    async (t) => {
      const app = await server.newApp()
      const ann = app.user('ann')
      const room = await groupOf(app, 'ann')
      const ids: string[] = []
      for (let i = 0; i < 7; i++) {
        server.advance(1)
        ids.push(String((await send(ann, room, `${i}`))._id))
      }
      await ann.ok('DELETE', `/rooms/${room}/messages/${ids[3]}`)
      const page = async (query: string) =>
        asList(await ann.ok('GET', `/rooms/${room}/messages/v3?${query}`)).map((message) =>
          ids.indexOf(String(message._id)),
        )
      t.same(await page(`beforeMessage=${ids[3]}&sortOrder=desc&limit=3`), [4, 2, 1])
      t.same(await page(`afterMessage=${ids[3]}&sortOrder=asc&limit=3`), [2, 4, 5])
      t.same(await page(`afterMessage=${ids[3]}&sortOrder=asc&limit=3&timeRangeField=createdAt`), [2, 4, 5])
      const old = await ann.ok('GET', `/rooms/${room}/messages?beforeMessage=${ids[3]}&limit=2`)
      t.same(
        asList(old).map((message) => ids.indexOf(String(message._id))),
        [2, 1],
        'the old listing leaves its cursor out anyway',
      )
      t.match(await ann.ok('PUT', `/rooms/${room}/lastRead`, { message: ids[3] }), { client: 'ann' })
      await ann.ok('DELETE', `/rooms/${room}/messages/_all`)
      t.same(await page(`beforeMessage=${ids[5]}`), [])
    },
  )

  t.test('a user deletes messages for themselves: the others still have them', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob')
    const one = await send(ann, room, 'apple one')
    const two = await send(ann, room, 'apple two')
    app.takeEvents()
    const answer = await bob.ok('POST', '/messages/user-delete', { room, messages: [one._id, 'unknown'] })
    t.match(answer, { n: 1, ok: 1, room, messages: [one._id] })
    t.match(app.takeEvents(), [
      { type: 'messages-hidden-from-user', to: { userIds: ['bob'] }, messageIds: [one._id], all: false },
    ])
    const page = await bob.ok('GET', `/rooms/${room}/messages/v3`)
    t.same(page.userDeletedIDs, [one._id])
    t.same(
      asList(page).map((message) => message.isDeleted),
      [false, true],
    )
    t.same((await ann.ok('GET', `/rooms/${room}/messages/v3`)).userDeletedIDs, [])
    const listed = await bob.ok('GET', `/messages/user-delete?room=${room}`)
    t.match(listed, { totalCount: 1, data: [{ message: one._id }] })
    t.type(asList(listed)[0]?.createdAtMS, 'number')
    t.same(
      asList(await bob.ok('POST', '/messages/search', { message: 'apple' })).map((message) => message._id),
      [two._id],
    )
    t.match(await bob.call('GET', '/messages/user-delete'), { status: 400, code: 'MISSING_PARAMETER' })
    t.match(await app.user('eve').call('POST', '/messages/user-delete', { room, messages: [one._id] }), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
  })

  t.test('a user clears a room for themselves: what comes later is there', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob')
    const ids = []
    for (const text of ['a', 'b']) ids.push(String((await send(ann, room, text))._id))
    app.takeEvents()
    const cleared = await bob.ok('POST', '/messages/user-delete/all-in-room', { room })
    t.match(cleared, { n: 2, nModified: 2, ok: 1, room, totalCount: 2, messages: [ids[1], ids[0]] })
    t.match(app.takeEvents(), [{ type: 'messages-hidden-from-user', all: true, roomId: room }])
    const later = await send(ann, room, 'c')
    const page = await bob.ok('GET', `/rooms/${room}/messages/v3`)
    t.same(
      asList(page).map((message) => [message._id, message.isDeleted]),
      [
        [later._id, false],
        [ids[1], true],
        [ids[0], true],
      ],
    )
    t.match(await bob.ok('GET', `/messages/user-delete?room=${room}`), {
      totalCount: 2,
      data: [{ message: ids[1] }, { message: ids[0] }],
    })
  })
})
