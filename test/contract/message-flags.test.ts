import t from 'tap'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('those who manage a room pin messages; the latest pin is listed first', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    const [one, two] = [
      await ann.ok('POST', `/rooms/${room}/message`, { message: 'one' }),
      await ann.ok('POST', `/rooms/${room}/message`, { message: 'two' }),
    ]
    app.takeEvents()
    const pinned = await ann.ok('POST', `/messages/${one._id}/pin`)
    t.match(pinned, { _id: one._id, id: one._id, isPined: true, pinned: true, evSeq: 1, message: 'one' })
    t.match(app.takeEvents(), [{ type: 'message-changed', message: { id: one._id, pinned: true, evSeq: 1 } }])
    server.advance(5)
    await app.platform().ok('POST', `/messages/${two._id}/pin`)
    await ann.ok('POST', `/messages/${two._id}/pin`)
    t.match(app.takeEvents().length, 1, 'a second pin changes nothing')
    const listed = await app.user('bob').ok('GET', `/rooms/${room}/pined-messages`)
    t.equal(listed.totalCount, 2)
    t.same(
      asList(listed).map((message) => message._id),
      [two._id, one._id],
    )
    t.match(await app.user('bob').call('POST', `/messages/${two._id}/pin`), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    const unpinned = await ann.ok('DELETE', `/messages/${one._id}/pin`)
    t.match(unpinned, { isPined: false, pinned: false, evSeq: 3 })
    t.equal((await ann.ok('GET', `/rooms/${room}/pined-messages`)).totalCount, 1)
    t.match(await app.user('eve').call('GET', `/rooms/${room}/pined-messages`), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
    t.match(await app.user('eve').call('POST', `/messages/${one._id}/pin`), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
    t.match(await ann.call('POST', `/messages/${'0'.repeat(24)}/pin`), {
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
    })
  })

  t.test('a hidden message keeps its place and says so; nobody finds it', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    const { _id } = await app.user('bob').ok('POST', `/rooms/${room}/message`, { message: 'rude words' })
    t.equal(asList(await ann.ok('POST', '/messages/search', { message: 'rude' })).length, 1)
    t.match(await app.user('bob').call('POST', `/messages/${_id}/hidden`), { status: 403 })
    t.match(await ann.ok('POST', `/messages/${_id}/hidden`), { _id, isHidden: true })
    t.match(asList(await ann.ok('GET', `/rooms/${room}/messages/v3`))[0], { _id, seq: 1, isHidden: true })
    t.equal(asList(await ann.ok('POST', '/messages/search', { message: 'rude' })).length, 0)
    t.match(await ann.ok('DELETE', `/messages/${_id}/hidden`), { _id, isHidden: false })
    t.equal(asList(await ann.ok('POST', '/messages/search', { message: 'rude' })).length, 1)
  })

  t.test('the list of pins says what was asked, as every list of the original', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    for (const path of [
      `/rooms/${room}/pined-messages`,
      `/rooms/${room}/messages/v3?limit=1`,
      '/rooms?limit=1',
      '/rooms/ids',
    ])
      t.match(await app.user('ann').ok('GET', path), { inspect: { query: {}, tookMS: Number } }, path)
    t.match(await app.user('ann').ok('GET', '/rooms?q={"roomType":"group"}'), {
      inspect: { query: { q: '{"roomType":"group"}' } },
    })
  })

  t.test('all that one user said is hidden, and shown again', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    for (const message of ['a', 'b', 'c'])
      await app.user('bob').ok('POST', `/rooms/${room}/message`, { message })
    await ann.ok('POST', `/rooms/${room}/message`, { message: 'd' })
    app.takeEvents()
    const body = { room, sender: 'bob' }
    t.match(await ann.ok('POST', '/messages/hide-by-sender-in-room', body), { n: 3, nModified: 3, ok: 1 })
    const told = app
      .takeEvents()
      .flatMap((event) => (event.type === 'message-changed' ? [event.message] : []))
    t.same(
      told.map(({ message, hidden, evSeq }) => [message, hidden, evSeq]),
      [
        ['a', true, 1],
        ['b', true, 2],
        ['c', true, 3],
      ],
      'each with its place among the changes',
    )
    t.match(await ann.ok('GET', `/rooms/${room}/events?after=1`), {
      evSeq: 3,
      events: [
        { evSeq: 2, kind: 'hidden', message: { message: 'b', isHidden: true } },
        { evSeq: 3, message: { message: 'c' } },
      ],
    })
    t.match(await ann.ok('POST', '/messages/hide-by-sender-in-room', body), { n: 0 }, 'again is nothing new')
    const flags = async () =>
      asList(await ann.ok('GET', `/rooms/${room}/messages/v3?timeRangeField=createdAt`)).map(
        (message) => message.isHidden,
      )
    t.same(await flags(), [false, true, true, true])
    t.match(await ann.ok('POST', '/messages/unhide-by-sender-in-room', body), { n: 3 })
    t.same(await flags(), [false, false, false, false])
    t.match(await app.user('bob').call('POST', '/messages/hide-by-sender-in-room', body), { status: 403 })
    t.match(await ann.call('POST', '/messages/hide-by-sender-in-room', { room }), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
  })

  t.test('many at once are told by their ids, and the newest in full', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    const count = 70
    await Promise.all(
      Array.from({ length: count }, () =>
        app.user('bob').ok('POST', `/rooms/${room}/message`, { message: 'x' }),
      ),
    )
    app.takeEvents()
    const body = { room, sender: 'bob' }
    t.match(await ann.ok('POST', '/messages/hide-by-sender-in-room', body), { n: count })
    const told = app.takeEvents()
    t.ok(told.length <= 51, 'few for a room’s queue')
    let evSeq = 0
    for (const event of told) {
      if (event.type === 'messages-hidden') {
        t.ok(event.hidden)
        t.equal(event.evSeq, evSeq + event.messageIds.length, 'no gap')
        evSeq = event.evSeq
      } else if (event.type === 'message-changed') t.ok(event.message.hidden && event.message.evSeq <= evSeq)
      else t.fail(event.type)
    }
    t.equal(evSeq, count)
    const ids = told.flatMap((event) => (event.type === 'messages-hidden' ? event.messageIds : []))
    t.equal(new Set(ids).size, count)
  })
})
