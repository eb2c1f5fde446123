import t from 'tap'
import { asList, type Json } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

const REFUSED = { status: 403, code: 'PERMISSION_DENIED' }

onEachDatabase(t, async (t, server) => {
  t.test('rooms that one left or was removed from are remembered, without what is said there', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const left = await groupOf(app, 'ann', 'bob')
    const removed = await groupOf(app, 'ann', 'bob')
    await ann.ok('PUT', `/rooms/${left}`, { name: 'Left', roomTags: ['x'] })
    await bob.ok('POST', `/roomPrefs/${left}`, { tags: ['mine'] })
    t.same(await bob.ok('GET', '/rooms/quitted'), { totalCount: 0, data: [] })
    await bob.ok('POST', `/rooms/${left}/delete/members`, { members: ['bob'] })
    server.advance(1_000)
    await ann.ok('POST', `/rooms/${removed}/delete/members`, { members: ['bob'] })
    await ann.ok('POST', `/rooms/${left}/message`, { message: 'secret' })
    const quitted = asList(await bob.ok('GET', '/rooms/quitted'))
    t.match(quitted, [
      { _id: removed, id: removed, pref: { tags: [], quittedAt: String, quittedAtMS: Number } },
      {
        _id: left,
        name: 'Left',
        roomType: 'group',
        roomTags: ['x'],
        createdTimeMS: Number,
        pref: { tags: ['mine'], quittedAtMS: Number },
      },
    ])
    for (const room of quitted) t.notOk('members' in room || 'lastMessage' in room)
    await bob.ok('POST', `/rooms/${left}/join`)
    t.match(await bob.ok('GET', '/rooms/quitted'), { totalCount: 1, data: [{ _id: removed }] })
  })

  t.test('the bot’s state is set by members', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    app.takeEvents()
    t.match(await app.user('bob').ok('PUT', `/rooms/${room}/bot`, { botState: 'asked' }), {
      _id: room,
      botState: 'asked',
      members: [{ _id: 'ann' }, { _id: 'bob' }],
      isSuperuser: false,
    })
    t.match(app.takeEvents(), [{ type: 'room-changed', room: { botState: 'asked' } }])
    t.notOk('botState' in (await app.platform().ok('PUT', `/rooms/${room}/bot`, { botState: null })))
    t.match(await app.user('eve').call('PUT', `/rooms/${room}/bot`, { botState: 'x' }), { status: 403 })
    t.match(await app.platform().call('PUT', '/rooms/nowhere/bot', { botState: 'x' }), { status: 404 })
    t.match(await app.user('bob').call('PUT', `/rooms/${room}/bot`, {}), { code: 'MISSING_PARAMETER' })
  })

  t.test('messages are counted that were posted or changed after a moment', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const sent: Json[] = []
    for (const message of ['1', '2', '3']) {
      sent.push(await ann.ok('POST', `/rooms/${room}/message`, { message }))
      server.advance(1_000)
    }
    const count = (query: string) => ann.ok('GET', `/rooms/${room}/count${query}`)
    t.same(await count(''), { count: 3 })
    t.same(await count('?timeInMS=0'), { count: 3 })
    const afterSecond = `?timeInMS=${sent[1]?.updatedAtMS}`
    t.same(await count(afterSecond), { count: 1 })
    await ann.ok('POST', `/rooms/${room}/message`, { _id: sent[0]?._id, message: 'edited' })
    t.same(await count(afterSecond), { count: 2 })
    t.match(await app.user('eve').call('GET', `/rooms/${room}/count`), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
    t.match(await app.user('eve').call('GET', '/rooms/nowhere/count'), { status: 403 })
    for (const text of ['-1', 'x', '1e300'])
      t.match(await ann.call('GET', `/rooms/${room}/count?timeInMS=${text}`), { code: 'INVALID_QUERY' })
  })

  t.test('a frozen room is silent, leaves the lists and keeps what was said', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob')
    const { _id } = await bob.ok('POST', `/rooms/${room}/message`, { message: 'before' })
    t.match(await app.platform().ok('PUT', `/rooms/${room}`, { status: 0 }), { status: 0 })
    t.match(await bob.ok('GET', '/rooms'), { totalCount: 0, data: [] })
    t.match(await bob.ok('GET', `/rooms?q=${encodeURIComponent('{"name":null}')}`), { totalCount: 0 })
    t.match(await ann.ok('GET', '/me/badge'), { badge: 0 })
    t.match(await bob.call('POST', `/rooms/${room}/message`, { message: 'x' }), REFUSED)
    t.match(await bob.call('POST', `/rooms/${room}/message`, { _id, message: 'edited' }), REFUSED)
    t.match(await ann.call('POST', `/messages/${_id}/reaction`, { reaction: '!' }), REFUSED)
    t.match(await app.platform().call('POST', '/messages', { room, message: 'x' }), REFUSED)
    t.match(asList(await bob.ok('GET', `/rooms/${room}/messages/v3`)), [{ message: 'before' }])
    await app.platform().ok('PUT', `/rooms/${room}`, { status: 1 })
    t.match(await bob.ok('GET', '/rooms'), { totalCount: 1 })
    t.equal((await bob.call('POST', `/rooms/${room}/message`, { message: 'after' })).status, 200)
  })

  t.test('an owner is neither removed nor demoted by others, and gives the room away alone', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob', 'cem')
    t.match(await bob.call('PUT', `/rooms/${room}`, { managers: ['bob'] }), REFUSED)
    await ann.ok('PUT', `/rooms/${room}/member/bob`, { property: 'role', value: 'admin' })
    t.match(await bob.call('POST', `/rooms/${room}/delete/members`, { members: ['ann'] }), REFUSED)
    t.match(await bob.call('DELETE', `/rooms/${room}/members/ann`), REFUSED)
    t.match(
      await bob.call('PUT', `/rooms/${room}/member/ann`, { property: 'role', value: 'member' }),
      REFUSED,
    )
    t.match(await bob.call('PUT', `/rooms/${room}`, { owner: 'bob' }), REFUSED)
    t.match(await bob.ok('PUT', `/rooms/${room}`, { managers: ['cem'] }), { managers: ['cem'] })
    t.match(await bob.call('PUT', `/rooms/${room}`, { managers: ['eve'] }), { code: 'CLIENT_NOT_FOUND' })
    t.match(await ann.ok('PUT', `/rooms/${room}`, { owner: 'bob' }), { owner: { _id: 'bob' } })
    t.match(await app.platform().ok('PUT', `/rooms/${room}`, { owner: 'dan' }), { owner: { _id: 'dan' } })
    await app.platform().ok('PUT', `/rooms/${room}`, { owner: 'bob' })
    const after = await bob.ok('POST', `/rooms/${room}/delete/members`, { members: ['bob'] })
    t.notOk('owner' in after, 'who leaves owns nothing')
  })

  t.test('read marks reach the others whenever they say something new of a reader', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob')
    await ann.ok('POST', `/rooms/${room}/message`, { message: 'from ann' })
    app.takeEvents()
    const reply = await bob.ok('POST', `/rooms/${room}/message`, { message: 'from bob' })
    t.match(
      app.takeEvents(),
      [
        { type: 'message-posted' },
        { type: 'read', to: { roomId: room }, userId: 'bob', messageId: reply._id },
      ],
      'an answer goes past what it answers',
    )
    await bob.ok('POST', `/rooms/${room}/message`, { message: 'more' })
    t.match(app.takeEvents(), [{ type: 'message-posted' }], 'nothing was unread')
    const { _id } = await bob.ok('POST', `/rooms/${room}/message`, { message: 'most' })
    app.takeEvents()
    await bob.ok('PUT', `/rooms/${room}/lastRead`, { message: _id })
    t.match(app.takeEvents(), [{ type: 'read', userId: 'bob', messageId: _id }], 'where it stands already')
    await bob.ok('PUT', `/rooms/${room}/lastRead`, { message: reply._id })
    t.same(app.takeEvents(), [], 'a stale mark says nothing')
  })
})
