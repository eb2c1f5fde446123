import t from 'tap'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('a text that is being made is told piece by piece, until an edit ends it', async (t) => {
    const app = await server.newApp()
    const bot = app.user('bot')
    const room = await groupOf(app, 'bot', 'ann')
    const { _id } = await bot.ok('POST', `/rooms/${room}/message`, { messageType: 'ai_streaming', text: '' })
    app.takeEvents()
    const path = `/messages/${_id}/streaming`
    t.same(await bot.ok('POST', path, { text: 'Once ' }), {})
    t.same(await app.platform().ok('POST', path, { text: 'upon' }), {}, 'a customer’s server too')
    t.match(app.takeEvents(), [
      { type: 'text-streamed', to: { roomId: room }, messageId: _id, text: 'Once ', sender: { id: 'bot' } },
      { type: 'text-streamed', text: 'upon' },
    ])
    t.match(await app.user('ann').ok('GET', `/rooms/${room}/messages/${_id}`), {
      data: [{ messageType: 'ai_streaming', text: '', evSeq: 0 }],
    })

    t.match(await app.user('ann').call('POST', path, { text: 'x' }), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    t.match(await app.user('eve').call('POST', path, { text: 'x' }), { status: 403, code: 'NOT_ROOM_MEMBER' })
    t.match(await bot.call('POST', path, {}), { status: 400 })
    t.match(await bot.call('POST', path, { text: '' }), { status: 400 })
    t.match(await bot.call('POST', path, { text: 'x'.repeat(4_097) }), { status: 400 })
    t.match(await bot.call('POST', `/messages/${'0'.repeat(24)}/streaming`, { text: 'x' }), {
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
    })
    const foreign = await server.newApp()
    t.match(await foreign.platform().call('POST', path, { text: 'x' }), { status: 404 })

    const whole = { _id, messageType: 'text', message: 'Once upon a time' }
    t.match(await bot.ok('POST', `/rooms/${room}/message`, whole), whole)
    t.match(app.takeEvents(), [{ type: 'message-changed', message: { id: _id, messageType: 'text' } }])
    t.match(await bot.call('POST', path, { text: 'x' }), { status: 400, code: 'INVALID_REQUEST' })
    t.same(app.takeEvents(), [], 'and nothing that was refused was told')
  })

  t.test('who may not speak streams nothing, and a message of nobody neither', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bot')
    const body = { messageType: 'ai_streaming', text: '' }
    const { _id } = await app.user('bot').ok('POST', `/rooms/${room}/message`, body)
    await app.user('ann').ok('POST', `/blockStatus/room/${room}/bot`)
    t.match(await app.user('bot').call('POST', `/messages/${_id}/streaming`, { text: 'x' }), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    const nobodys = await app.platform().ok('POST', `/rooms/${room}/message`, body)
    t.match(await app.platform().call('POST', `/messages/${nobodys._id}/streaming`, { text: 'x' }), {
      status: 400,
      code: 'INVALID_REQUEST',
    })
  })
})
