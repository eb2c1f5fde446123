import t from 'tap'
import { onEachDatabase } from '../../contract/server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('who was away learns the changes and the messages after its positions', async (t) => {
    const { platform, user } = await server.newApp()
    await platform().ok('POST', '/rooms', { _id: 'r1', members: ['ann', 'bob'], roomType: 'group' })
    const one = await user('ann').ok('POST', '/rooms/r1/message', { message: 'one' })
    t.match(one, { seq: 1, evSeq: 0 })
    const edited = await user('ann').ok('POST', '/rooms/r1/message', { _id: one._id, message: 'edited' })
    t.match(edited, { seq: 1, evSeq: 1 })
    t.match(await user('bob').ok('POST', `/messages/${one._id}/reaction`, { reaction: '👍' }), { evSeq: 2 })
    const two = await user('ann').ok('POST', '/rooms/r1/message', { message: 'two' })
    t.match(await user('bob').ok('GET', '/rooms/r1'), { seq: 2, evSeq: 2 })

    t.match(await user('bob').ok('GET', '/rooms/r1/events?after=0&afterSeq=1'), {
      reset: false,
      seq: 2,
      evSeq: 2,
      messages: [{ _id: two._id, message: 'two' }],
      events: [
        { evSeq: 1, kind: 'edited', messageID: one._id, message: { message: 'edited', reactionCount: 1 } },
        { evSeq: 2, kind: 'reacted', messageID: one._id },
      ],
    })
    t.match(await user('bob').ok('GET', '/rooms/r1/events?after=1'), { events: [{ evSeq: 2 }], messages: [] })
    t.match(await user('bob').ok('GET', '/rooms/r1/events?after=0&limit=1'), {
      events: [{ evSeq: 1 }],
      evSeq: 2,
    })
    t.strictSame(
      await user('bob').ok('GET', '/rooms/r1/events?after=9'),
      { reset: true, seq: 2, evSeq: 2 },
      'a client ahead of the room starts anew',
    )
    t.equal((await user('eve').call('GET', '/rooms/r1/events?after=0')).status, 403)
    t.equal((await user('bob').call('GET', '/rooms/r1/events')).status, 400)
    t.equal((await user('bob').call('GET', '/rooms/r1/events?after=-1')).status, 400)
  })

  t.test('who missed more than 500 is told to start anew', async (t) => {
    const { app, platform, user } = await server.newApp()
    await platform().ok('POST', '/rooms', { _id: 'r1', members: ['bob'], roomType: 'group' })
    await server.chat.db.query('', `UPDATE rooms SET last_seq = 501, ev_seq = 501 WHERE app = $1`, [app])
    t.strictSame(await user('bob').ok('GET', '/rooms/r1/events?after=0'), {
      reset: true,
      seq: 501,
      evSeq: 501,
    })
    t.match(await user('bob').ok('GET', '/rooms/r1/events?after=1'), { reset: false })
    t.match(await user('bob').ok('GET', '/rooms/r1/events?after=1&afterSeq=0'), { reset: true })
  })

  t.test('POST /sync answers the rooms that moved, and those that are no longer one’s own', async (t) => {
    const { platform, user } = await server.newApp()
    for (const _id of ['r1', 'r2', 'r3'])
      await platform().ok('POST', '/rooms', {
        _id,
        members: _id === 'r3' ? ['ann'] : ['ann', 'bob'],
        roomType: 'group',
      })
    await user('ann').ok('POST', '/rooms/r1/message', { message: 'one' })
    const start = { seq: 0, evSeq: 0 }
    t.strictSame(
      await user('bob').ok('POST', '/sync', { rooms: { r1: start, r2: start, r3: start, nowhere: start } }),
      {
        rooms: { r1: { seq: 1, evSeq: 0, reset: false } },
        gone: ['r3', 'nowhere'],
      },
    )
    t.strictSame(await user('bob').ok('POST', '/sync', { rooms: { r1: { seq: 1, evSeq: 0 } } }), {
      rooms: {},
      gone: [],
    })
    t.strictSame(await user('bob').ok('POST', '/sync', { rooms: {} }), { rooms: {}, gone: [] })
    for (const rooms of [null, [], 'r1', { r1: 1 }, { r1: { seq: -1, evSeq: 0 } }, { r1: { seq: 1 } }])
      t.equal((await user('bob').call('POST', '/sync', { rooms })).status, 400)
  })
})
