import t from 'tap'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('a repeat with the same client message id answers the first message, told once', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    app.takeEvents()
    const body = { message: 'once', clientMessageID: 'c-1' }
    const first = await app.user('ann').ok('POST', `/rooms/${room}/message`, body)
    const again = await app.user('ann').ok('POST', `/rooms/${room}/message`, body)
    t.same(again, first)
    t.equal(app.takeEvents().length, 1)
    const other = await app.user('bob').ok('POST', `/rooms/${room}/message`, body)
    t.equal(other.seq, 2, 'the id is the sender’s own, and the repeat took no place')
  })

  t.test('200 sends at once take the places 1 to 200', async (t) => {
    const app = await server.newApp()
    const members = ['ann', 'bob', 'cem', 'dan']
    const room = await groupOf(app, 'ann', 'bob', 'cem', 'dan')
    const sent = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        app.user(members[i % 4]!).ok('POST', `/rooms/${room}/message`, {
          message: `${i}`,
          clientMessageID: `${i}`,
        }),
      ),
    )
    t.same(
      sent.map((message) => Number(message.seq)).toSorted((a, b) => a - b),
      Array.from({ length: 200 }, (_, i) => i + 1),
    )
    const listed = asList(
      await app.user('ann').ok('GET', `/rooms/${room}/messages/v3?limit=500&timeRangeField=createdAt`),
    )
    t.same(
      listed.map((message) => message.seq),
      Array.from({ length: 200 }, (_, i) => 200 - i),
    )
    const room2 = await app.user('bob').ok('GET', `/rooms/${room}`)
    t.match(room2, { lastMessage: { seq: 200 } })
  })

  t.test('repeats at once are one message', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const sent = await Promise.all(
      Array.from({ length: 20 }, () =>
        app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'x', clientMessageID: 'same' }),
      ),
    )
    t.equal(new Set(sent.map((message) => message._id)).size, 1)
    t.equal((await app.user('ann').ok('GET', `/rooms/${room}/messages/v3`)).totalCount, 1)
  })
})
