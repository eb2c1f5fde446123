import t from 'tap'
import { asList, asObject } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('a sent message comes back whole, with every twin that clients read', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    await ann.ok('POST', '/me', { nickname: 'Ann' })
    const room = await groupOf(app, 'ann', 'bob')
    app.takeEvents()
    const message = await ann.ok('POST', `/rooms/${room}/message`, {
      roomId: room,
      messageType: 'text',
      message: 'hi',
      reply: null,
      mentions: ['bob'],
      extra: '{"a":1}',
      zebra: { b: 1, a: [null, '\u0000'] },
    })
    t.match(message._id, /^[0-9a-f]{24}$/)
    t.equal(message.id, message._id)
    t.match(message, { room, messageType: 'text', message: 'hi', seq: 1, reactions: [], reactionCount: 0 })
    t.match(message, { isPined: false, pinned: false, mentions: ['bob'], extra: '{"a":1}' })
    t.same(message.zebra, { b: 1, a: [null, '\u0000'] }, 'unknown fields are echoed')
    t.equal(JSON.stringify(message.zebra), '{"b":1,"a":[null,"\\u0000"]}', 'in their own order')
    t.match(message.sender, { _id: 'ann', id: 'ann', nickname: 'Ann', clientType: 'user' })
    for (const name of ['createdAt', 'updatedAt', 'messageTime']) {
      t.type(message[name], 'string')
      t.equal(message[`${name}MS`], Date.parse(String(message[name])))
    }
    t.notOk('data' in message)
    const [event] = app.takeEvents()
    t.match(event, { type: 'message-posted', to: { roomId: room }, message: { id: message._id, seq: 1 } })
  })

  t.test('a reply is populated, one level deep', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const first = await ann.ok('POST', `/rooms/${room}/message`, { message: 'one' })
    const second = await ann.ok('POST', `/rooms/${room}/message`, { message: 'two', reply: first._id })
    t.match(second.reply, { _id: first._id, id: first._id, message: 'one', sender: { _id: 'ann' } })
    const third = await ann.ok('POST', `/rooms/${room}/message`, {
      message: 'three',
      reply: { _id: second._id },
    })
    t.equal(asObject(third.reply)._id, second._id)
    t.equal(asObject(third.reply).reply, undefined)
    const lost = await ann.ok('POST', `/rooms/${room}/message`, { message: 'x', reply: 'no-such-message' })
    t.equal(lost.reply, undefined)
  })

  t.test('audio and file messages always have an extra, on which clients rely', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const audio = await app
      .user('ann')
      .ok('POST', `/rooms/${room}/message`, { messageType: 'audio', extra: null })
    t.same(audio.extra, {})
  })

  t.test('outsiders and missing rooms are refused alike: 403, for sending and for reading', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const refused = [
      { client: app.user('eve'), id: room, code: 'NOT_ROOM_MEMBER' },
      { client: app.user('eve'), id: 'no-such-room', code: 'NOT_ROOM_MEMBER' },
      { client: app.platform(), id: 'no-such-room', code: 'PERMISSION_DENIED' },
    ]
    for (const { client, id, code } of refused) {
      t.match(await client.call('POST', `/rooms/${id}/message`, { message: 'x' }), { status: 403, code })
      t.match(await client.call('GET', `/rooms/${id}/messages/v3`), { status: 403, code })
      t.match(await client.call('GET', `/rooms/${id}/messages`), { status: 403, code })
      t.match(await client.call('GET', `/rooms/${id}/messages/x`), { status: 403, code })
    }
  })

  t.test('a frozen room takes no messages and shows the old ones', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    await ann.ok('POST', `/rooms/${room}/message`, { message: 'before' })
    await app.platform().ok('PUT', `/rooms/${room}`, { status: 0 })
    t.match(await ann.call('POST', `/rooms/${room}/message`, { message: 'x' }), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    t.equal(asList(await ann.ok('GET', `/rooms/${room}/messages/v3`)).length, 1)
    await app.platform().ok('PUT', `/rooms/${room}`, { status: 1 })
    t.equal((await ann.ok('POST', `/rooms/${room}/message`, { message: 'after' })).seq, 2)
  })

  t.test('a client cannot send what only the server says, nor a message that is none', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    for (const body of [
      { messageType: 'deleteMember', message: 'x' },
      { messageType: 'addMembers' },
      { messageType: 7 },
      {},
      { extra: {} },
      { mentions: 'bob' },
      { mentions: [7] },
      { _id: 7, message: 'x' },
    ]) {
      const answer = await ann.call('POST', `/rooms/${room}/message`, body)
      t.match(answer, { status: 400, RC: 400, code: 'INVALID_MESSAGE_FORMAT' }, JSON.stringify(body))
    }
  })

  t.test('a message has its bounds, however it grows', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const path = `/rooms/${room}/message`
    const ann = app.user('ann')
    const tooLarge = { status: 413, code: 'PAYLOAD_TOO_LARGE' }
    const half = 'x'.repeat(70_000)
    const { _id } = await ann.ok('POST', path, { message: half })
    t.match(await ann.call('POST', path, { message: half, extra: half }), tooLarge)
    t.match(await ann.call('POST', path, { _id, extra: half }), tooLarge, 'by an edit, in parts')
    t.match(await app.platform().call('POST', '/messages', { room, message: half + half }), tooLarge)
    t.match(await ann.ok('GET', `/rooms/${room}/messages/v3`), {
      totalCount: 1,
      data: [{ extra: undefined }],
    })
  })

  t.test('a platform key speaks for its sender, for whom it acts, or for nobody', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const bot = await app
      .platform()
      .ok('POST', '/messages', { room, sender: 'bot', messageType: 'text', message: 'x', push: true })
    t.match(bot, { room, sender: { _id: 'bot', id: 'bot' }, push: undefined })
    const ann = await app.platform('ann').ok('POST', `/rooms/${room}/message`, { message: 'x' })
    t.match(ann.sender, { _id: 'ann' })
    const nobody = await app.platform().ok('POST', `/rooms/${room}/message`, { message: 'x' })
    t.equal(nobody.sender, null)
    const edited = await app.platform().ok('POST', `/rooms/${room}/message`, { _id: ann._id, message: 'y' })
    t.match(edited, { message: 'y', sender: { _id: 'ann' } })
    const client = await app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'x', sender: 'bot' })
    t.match(client.sender, { _id: 'ann' }, 'a client is who it is')
    t.match(await app.platform().call('POST', '/messages', { message: 'x' }), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
    t.match(await app.user('ann').call('POST', '/messages', { room, message: 'x' }), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
  })
})
