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

  t.test('a customer who lists users sees who is connected', async (t) => {
    const app = await server.newApp()
    for (const _id of ['ann', 'bob']) await app.platform().ok('POST', '/admin/clients', { _id })
    server.liveSockets.set(app.app, [
      { id: 's', node: 'n', kind: 'client', userId: 'bob', transport: 'websocket', connectedAtMs: 0 },
    ])
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

  t.test('a list shows some of a large room’s members, the room by itself all', async (t) => {
    const app = await server.newApp()
    const members = Array.from({ length: 250 }, (_, n) => `user-${n}`)
    const { _id } = await app.platform().ok('POST', '/rooms', { members: [...members, 'zoe'] })
    const zoe = app.user('zoe')
    await app.platform().ok('POST', '/messages', { room: _id, message: 'x', sender: 'user-1' })
    const [listed] = asList(await zoe.ok('GET', '/rooms?limit=0'))
    t.match(listed, { _id, memberCount: 251, unread: 1 }, 'the viewer’s own view is whole')
    const shown = listed?.members as Array<{ _id: string }>
    const properties = listed?.memberProperties as unknown[]
    t.equal(shown.length, 200)
    t.ok(
      shown.some((member) => member._id === 'zoe'),
      'the viewer is among them',
    )
    t.equal(properties.length, 200)
    const asked = await zoe.ok('GET', `/rooms/${_id}`)
    t.equal((asked.members as unknown[]).length, 251)
    t.equal(asked.memberCount, 251)
    const [ofAll] = asList(await app.platform().ok('GET', '/rooms'))
    t.equal(Array.isArray(ofAll?.members) && ofAll.members.length, 200)
  })
})
