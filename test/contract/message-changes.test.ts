import t from 'tap'
import { asList, asObject } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('its sender edits a message: content changes, id and place stay', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    const first = await ann.ok('POST', `/rooms/${room}/message`, {
      messageType: 'text',
      message: 'one',
      extra: { a: 1 },
    })
    app.takeEvents()
    server.advance(5)
    const edited = await ann.ok('POST', `/rooms/${room}/message`, { _id: first._id, message: 'two', b: 2 })
    t.match(edited, { _id: first._id, seq: 1, messageType: 'text', message: 'two', extra: { a: 1 }, b: 2 })
    t.equal(edited.createdAtMS, first.createdAtMS)
    t.ok(Number(edited.updatedAtMS) > Number(first.updatedAtMS))
    t.equal(edited.editedAtMS, edited.updatedAtMS)
    t.match(app.takeEvents(), [{ type: 'message-changed', message: { id: first._id, message: 'two' } }])
    const other = await app
      .user('bob')
      .call('POST', `/rooms/${room}/message`, { _id: first._id, message: 'three' })
    t.match(other, { status: 403, code: 'PERMISSION_DENIED' })
    const missing = await ann.call('POST', `/rooms/${room}/message`, { _id: '0'.repeat(24), message: 'x' })
    t.match(missing, { status: 404, code: 'MESSAGE_NOT_FOUND' })
  })

  t.test('a recall empties the message; again is the same, an edit after it is refused', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const sent = await ann.ok('POST', `/rooms/${room}/message`, {
      messageType: 'image',
      originalUrl: 'u',
      message: 'm',
    })
    const recall = { roomId: room, _id: sent._id, messageType: 'recall' }
    for (const _ of [1, 2]) {
      const recalled = await ann.ok('POST', `/rooms/${room}/message`, recall)
      t.match(recalled, { _id: sent._id, messageType: 'recall', message: '', originalUrl: undefined })
    }
    const edit = await ann.call('POST', `/rooms/${room}/message`, { _id: sent._id, message: 'again' })
    t.match(edit, { status: 400, code: 'INVALID_MESSAGE_FORMAT' })
    const nameless = await ann.call('POST', `/rooms/${room}/message`, { messageType: 'recall' })
    t.match(nameless, { status: 400, code: 'INVALID_MESSAGE_FORMAT' })
  })

  t.test('what the server said is nobody’s to edit, not even of who made it say so', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const { lastMessage } = await ann.ok('POST', `/rooms/${room}/members`, {
      invitees: ['bob'],
      systemMessage: true,
    })
    const { _id, sender } = asObject(lastMessage)
    t.match(sender, { _id: 'ann' })
    for (const change of [{ extra: null }, { messageType: 'recall' }])
      t.match(await ann.call('POST', `/rooms/${room}/message`, { _id, ...change }), {
        status: 403,
        code: 'PERMISSION_DENIED',
      })
  })

  t.test('one user gives a message twenty reactions at most', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const { _id } = await app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'x' })
    const react = (user: string, reaction: string) =>
      app.user(user).call('POST', `/messages/${_id}/reaction`, { reaction })
    for (let i = 0; i < 20; i++) t.equal((await react('bob', `r${i}`)).status, 200)
    t.match(await react('bob', 'one more'), { status: 400, code: 'INVALID_REQUEST' })
    t.match(await react('bob', 'r3'), { status: 200, result: { reactionCount: 20 } }, 'again is no more')
    t.match(await react('ann', 'one more'), { status: 200, result: { reactionCount: 21 } })
  })

  t.test('reactions are given, given back one by one or all, and told to the room', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const { _id } = await app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'x' })
    app.takeEvents()
    const bob = app.user('bob')
    for (const reaction of ['👍', '👍', '🎉']) await bob.ok('POST', `/messages/${_id}/reaction`, { reaction })
    const two = await app.user('ann').ok('POST', `/messages/${_id}/reaction`, { reaction: '👍' })
    t.equal(two.reactionCount, 3)
    t.match(
      app.takeEvents().map((event) => event.type),
      ['message-changed', 'message-changed', 'message-changed'],
    )
    const one = await bob.ok('DELETE', `/messages/${_id}/reaction?reaction=${encodeURIComponent('👍')}`)
    t.same(
      asList(one.reactions)
        .map((reaction) => [reaction.client, reaction.reaction])
        .toSorted(),
      [
        ['ann', '👍'],
        ['bob', '🎉'],
      ],
    )
    const none = await bob.ok('DELETE', `/messages/${_id}/reaction`, {})
    t.same(none.reactions, [{ client: 'ann', reaction: '👍' }])
    t.match(await app.user('eve').call('POST', `/messages/${_id}/reaction`, { reaction: 'x' }), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
    t.match(await bob.call('POST', '/messages/nothing/reaction', { reaction: 'x' }), {
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
    })
    t.match(await bob.call('POST', `/messages/${_id}/reaction`, {}), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
  })
})
