import t from 'tap'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

const MISSING = { status: 404, code: 'MESSAGE_NOT_FOUND' }

onEachDatabase(t, async (t, server) => {
  t.test('a message of a room that one is not in is as unknown as none', async (t) => {
    const app = await server.newApp()
    const [ann, eve] = [app.user('ann'), app.user('eve')]
    const theirs = await groupOf(app, 'ann', 'bob')
    const secret = await ann.ok('POST', `/rooms/${theirs}/message`, { message: 'secret' })
    const mine = await groupOf(app, 'eve')
    const own = await eve.ok('POST', `/rooms/${mine}/message`, { message: 'own' })
    for (const id of [secret._id, 'unknown', '0'.repeat(24)]) {
      for (const [method, path, body] of [
        ['GET', `/rooms/${mine}/messages/v3?beforeMessage=${id}`],
        ['GET', `/rooms/${mine}/messages/v3?afterMessage=${id}`],
        ['GET', `/rooms/${mine}/messages?beforeMessage=${id}`],
        ['GET', `/rooms/${mine}/messages/${id}?before=9&after=9`],
        ['PUT', `/rooms/${mine}/lastRead`, { message: id }],
        ['DELETE', `/rooms/${mine}/messages/${id}`],
        ['POST', `/rooms/${mine}/message`, { _id: id, message: 'edited' }],
        ['POST', `/rooms/${mine}/message`, { _id: id, messageType: 'recall' }],
      ] as const)
        t.match(await eve.call(method, path, body), MISSING, `${method} ${path}`)
      const reply = await eve.ok('POST', `/rooms/${mine}/message`, { message: 're', reply: id })
      t.notOk('reply' in reply, 'nothing is quoted from there')
      const hidden = await eve.ok('POST', '/messages/user-delete', { room: mine, messages: [id, own._id] })
      t.same(hidden.messages, [own._id])
    }
    for (const [method, path] of [
      ['POST', `/messages/${secret._id}/pin`],
      ['DELETE', `/messages/${secret._id}/hidden`],
      ['POST', `/messages/${secret._id}/reaction`],
      ['DELETE', `/messages/${secret._id}/reaction`],
    ] as const)
      t.match(await eve.call(method, path, { reaction: '!' }), { status: 403, code: 'NOT_ROOM_MEMBER' }, path)
    t.match(asList(await ann.ok('GET', `/rooms/${theirs}/messages/v3`)), [
      { message: 'secret', reactions: [], pinned: false, evSeq: 0 },
    ])
  })

  t.test('what belongs to another user stays theirs, whoever one says to be', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'eve')
    const [ann, eve] = [app.user('ann'), app.user('eve')]
    await ann.ok('POST', '/me/subscribe', { type: 'fcm', token: 'of-ann', deviceId: 'phone' })
    const subscribed = await eve.ok('POST', '/me/subscribe', { type: 'fcm', token: 't', clientId: 'ann' })
    t.equal(subscribed.client, 'eve')
    const ends = { type: 'fcm', token: 'of-ann', clientId: 'ann' }
    t.same(
      await eve.ok('POST', '/me/unsubscribe', ends),
      { n: 0, ok: 1 },
      'nothing of hers is still a success',
    )
    const said = { message: 'x', sender: 'ann', room: 'elsewhere', isPined: true, seq: 99, reactions: [{}] }
    t.match(await eve.ok('POST', `/rooms/${room}/message`, said), {
      sender: { _id: 'eve' },
      room,
      pinned: false,
      isPined: false,
      seq: 1,
      reactions: [],
    })
    await eve.ok('POST', `/roomPrefs/${room}`, { folder: 'hers', user: 'ann', userId: 'ann' })
    t.match(await ann.ok('GET', `/rooms/${room}`), { pref: { folder: null } })
    await eve.ok('POST', '/me', { _id: 'ann', id: 'ann', nickname: 'Eve' })
    t.notOk('nickname' in (await ann.ok('GET', '/me')))
  })
})
