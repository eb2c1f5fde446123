import t from 'tap'
import { recordLogin } from '../../core/chat/profile.ts'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('own and customers’ answers say whence a user last came; members’ do not', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    t.match(await ann.ok('GET', '/me'), {
      address: undefined,
      userAgent: undefined,
      lastJoinOrCreateRoomTime: undefined,
      lastJoinOrCreateRoomTimeMS: 0,
    })
    const peer = { address: '203.0.113.7', port: 4_000, userAgent: 'Phone/1' }
    await recordLogin(server.chat, app.app, 'ann', peer)
    const traces = {
      address: { port: 4_000, family: 'IPv4', address: '203.0.113.7' },
      userAgent: 'Phone/1',
    }
    t.match(await ann.ok('GET', '/me'), traces)
    t.match(await ann.ok('POST', '/me', { nickname: 'Ann' }), traces)
    t.match(await app.platform().ok('POST', '/admin/clients', { _id: 'ann' }), traces)
    t.match(asList(await app.platform().ok('GET', '/admin/clients')), [traces])

    const room = await groupOf(app, 'ann', 'bob')
    const made = (await ann.ok('GET', '/me')).lastJoinOrCreateRoomTimeMS
    t.ok(Number(made) > 0)
    t.match(await app.user('bob').ok('GET', '/me'), { lastJoinOrCreateRoomTimeMS: 0 }, 'was brought in')
    server.advance(1_000)
    await app.user('cem').ok('POST', `/rooms/${room}/join`)
    t.ok(Number((await app.user('cem').ok('GET', '/me')).lastJoinOrCreateRoomTimeMS) > Number(made))
    await ann.ok('POST', `/rooms/${room}/join`)
    t.equal((await ann.ok('GET', '/me')).lastJoinOrCreateRoomTimeMS, made, 'was in it already')

    const seen = JSON.stringify([
      await app.user('bob').ok('GET', `/rooms/${room}`),
      await ann.ok('POST', `/rooms/${room}/message`, { message: 'x' }),
    ])
    for (const hidden of ['203.0.113.7', 'Phone/1', 'lastJoinOrCreateRoomTime'])
      t.notOk(seen.includes(hidden), hidden)
  })

  t.test('every answer that is about a user’s own account says whether they are connected', async (t) => {
    const app = await server.newApp()
    for (const _id of ['ann', 'bob']) await app.platform().ok('POST', '/admin/clients', { _id })
    server.liveSockets.set(app.app, [
      { id: 's', node: 'n', kind: 'client', userId: 'bob', transport: 'websocket', connectedAtMs: 0 },
    ])
    const calls = [
      ['GET', '/me'],
      ['POST', '/me', {}],
      ['POST', '/me/mute/r'],
      ['DELETE', '/me/mute/r'],
      ['POST', '/me/notification/disable'],
      ['POST', '/me/notification/enable'],
    ] as const
    for (const [id, isSocketConnected] of [['ann', false] as const, ['bob', true] as const]) {
      for (const [method, path, body] of calls)
        t.match(await app.user(id).ok(method, path, body), { isSocketConnected }, `${method} ${path}`)
      const customer = app.platform()
      t.match(await customer.ok('POST', '/admin/clients', { _id: id }), { isSocketConnected })
      for (const method of ['POST', 'DELETE'])
        t.match(await customer.ok(method, `/admin/clients/${id}/mute/r`), { isSocketConnected }, method)
    }
    const listed = asList(await app.platform().ok('GET', '/admin/clients?q={"_id":{"$in":["ann","bob"]}}'))
    t.same(Object.fromEntries(listed.map((user) => [user._id, user.isSocketConnected])), {
      ann: false,
      bob: true,
    })
  })

  t.test('what customers keep with a room is given back', async (t) => {
    const app = await server.newApp()
    const kept = { serviceStatus: 2, assignTo: 'agent-7', refRoom: 'other', isPublic: true }
    const { _id } = await app.platform().ok('POST', '/rooms', { members: ['ann'], ...kept })
    t.match(await app.user('ann').ok('GET', `/rooms/${_id}`), kept)
    const changed = { serviceStatus: 0, assignTo: null, isPublic: false }
    t.match(await app.platform().ok('PUT', `/rooms/${_id}`, changed), {
      ...kept,
      serviceStatus: 0,
      assignTo: undefined,
      isPublic: false,
    })
    for (const wrong of [{ serviceStatus: 'open' }, { serviceStatus: 2 ** 31 }, { isPublic: 'yes' }])
      t.match(await app.platform().call('PUT', `/rooms/${_id}`, wrong), { status: 400 })
  })
})
