import t from 'tap'
import { asList, type Json } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

const memberIds = (room: Json) => asList(room.members).map((member) => member._id)

onEachDatabase(t, async (t, server) => {
  t.test('a room has every field that shipped clients read', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    await app
      .platform()
      .ok('POST', '/admin/clients', { _id: 'bob', nickname: 'Bob', publicKey: 'k', email: 'b@x', level: 3 })
    const room = await ann.ok('POST', '/rooms/createAndJoin', {
      roomType: 'group',
      name: 'Team',
      invitee: ['bob'],
      roomTags: ['a'],
    })
    t.match(room._id, /^[0-9a-f]{24}$/)
    t.equal(room.id, room._id)
    t.match(room, {
      name: 'Team',
      roomType: 'group',
      roomTags: ['a'],
      status: 1,
      opening: 1,
      encrypted: false,
    })
    t.match(room, {
      unread: 0,
      muted: false,
      isMentioned: false,
      isSuperuser: true,
      owner: { _id: 'ann' },
      managers: [],
    })
    t.same(room.pref, {
      room: room._id,
      tags: [],
      tagColors: {},
      folder: null,
      muted: false,
      sticky: false,
      hidden: false,
      translation: true,
    })
    t.equal(room.createdTimeMS, Date.parse(String(room.createdTime)))
    t.same(memberIds(room), ['ann', 'bob'])
    const bob = asList(room.members)[1]!
    t.match(bob, {
      _id: 'bob',
      id: 'bob',
      nickname: 'Bob',
      clientType: 'user',
      publicKey: 'k',
      lastLoginTimeMS: 0,
      level: 3,
    })
    for (const own of ['email', 'mute', 'address', 'userAgent'])
      t.notOk(own in bob, `${own} is not for others`)
    t.match(room.memberProperties, [
      { client: 'ann', badge: 0, role: 'member' },
      { client: 'bob', badge: 0 },
    ])
    t.notOk('data' in room)
    const read = await app.user('bob').ok('GET', `/rooms/${room._id}`)
    t.match(read, { isSuperuser: false, unread: 0 })
    t.notOk('webhook' in read)
  })

  t.test('every field of a room goes in and comes out, however the room is made or changed', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const fields = {
      name: 'N',
      cover: 'c.png',
      description: '{"a":1}',
      roomTags: ['x', 'y'],
      webhook: 'a-key',
      botMode: false,
      extParams: 'a=1&b=2',
      encrypted: true,
    }
    for (const path of ['/rooms', '/rooms/createAndJoin'])
      for (const roomType of ['group', 'custom'])
        t.match(await ann.ok('POST', path, { ...fields, roomType }), { ...fields, roomType }, path)
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin')
    const others = { opening: 0, status: 1 }
    for (const [name, value] of Object.entries({ ...fields, ...others }))
      t.match(await ann.ok('PUT', `/rooms/${_id}`, { [name]: value }), { [name]: value }, name)
    t.match(
      await ann.ok('GET', `/rooms/${_id}`),
      { ...fields, ...others },
      'each stays when another is changed',
    )
    t.match(await app.platform().ok('POST', '/rooms', {}), {
      _id: /^[0-9a-f]{24}$/,
      roomType: 'group',
      members: [],
    })
    for (const encrypted of [0, 'true'])
      t.match(await ann.call('PUT', `/rooms/${_id}`, { encrypted }), { status: 400 })
    t.match(await ann.call('POST', '/rooms', { roomType: 'public' }), {
      status: 400,
      code: 'INVALID_REQUEST',
    })
  })

  t.test('createAndJoin opens a room that is there, without touching its name', async (t) => {
    const app = await server.newApp()
    await app.user('ann').ok('POST', '/rooms/createAndJoin', { _id: 'lobby', name: 'Lobby' })
    app.takeEvents()
    const room = await app
      .user('bob')
      .ok('POST', '/rooms/createAndJoin', { _id: 'lobby', name: '', invitee: 'cem' })
    t.match(room, { _id: 'lobby', name: 'Lobby', owner: { _id: 'ann' } })
    t.same(memberIds(room), ['ann', 'bob', 'cem'])
    t.match(app.takeEvents(), [
      { type: 'members-joined', roomId: 'lobby', userIds: ['bob', 'cem'] },
      { type: 'room-changed', room: { id: 'lobby', view: undefined } },
    ])
    const empty = await app
      .user('ann')
      .ok('POST', '/rooms/createAndJoin', { _id: '', name: '', cover: '', description: '' })
    t.match(empty._id, /^[0-9a-f]{24}$/, 'an empty id means: make one')
  })

  t.test(
    'POST /rooms answers member ids, makes users that it does not know, and joins nobody else',
    async (t) => {
      const app = await server.newApp()
      const room = await app
        .platform()
        .ok('POST', '/rooms', { _id: 'r 1/ü', name: 'R', members: ['ann', 'guest-1'], owner: 'ann' })
      t.match(room, { _id: 'r 1/ü', members: ['ann', 'guest-1'], owner: { _id: 'ann' } })
      const mine = await app.user('bob').ok('POST', '/rooms', { name: 'mine' })
      t.match(mine, { members: [], owner: { _id: 'bob' } })
      t.match(await app.user('guest-1').ok('GET', `/rooms/${encodeURIComponent('r 1/ü')}`), {
        isSuperuser: false,
      })
      t.match(await app.user('eve').call('POST', '/rooms', { _id: 'r 1/ü' }), {
        status: 403,
        code: 'NOT_ROOM_MEMBER',
      })
    },
  )

  t.test('a customer’s server that acts for nobody opens rooms for others, and stays outside', async (t) => {
    const app = await server.newApp()
    const open = (body: unknown) => app.platform().call('POST', '/rooms/createAndJoin', body)
    const group = (await open({ roomType: 'group', invitee: ['ann', 'bob'], systemMessage: true })).result
    t.same(memberIds(group), ['ann', 'bob'])
    t.match(group, { owner: undefined, lastMessage: { messageType: 'addMembers', sender: { _id: 'ann' } } })
    const direct = (await open({ roomType: 'direct', invitee: ['ann', 'bob'] })).result
    t.match(
      await app.user('bob').ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'ann' }),
      {
        _id: direct._id,
      },
    )
    t.match(await open({ roomType: 'direct', invitee: ['ann', 'bob', 'cem'] }), { status: 400 })
    const invited = (await open({ _id: group._id, invitee: 'cem', invitationRequired: true })).result
    t.same(memberIds(invited), ['ann', 'bob'])
    t.match(await app.user('cem').ok('GET', '/rooms/invitations'), {
      totalCount: 1,
      data: [{ inviter: null }],
    })
    const members = ['ann', 'bob']
    t.match(await app.platform().ok('POST', '/rooms', { members, systemMessage: true }), {
      members,
      lastMessage: { messageType: 'addMembers', extra: { invitees: [{ _id: 'ann' }, { _id: 'bob' }] } },
    })
    t.match(await app.platform().ok('POST', '/rooms', { members }), { lastMessage: undefined })
  })

  t.test('a room is read by its members: 403 for others, 404 where there is none', async (t) => {
    const app = await server.newApp()
    const room = await app.user('ann').ok('POST', '/rooms/createAndJoin', { roomType: 'group' })
    const path = `/rooms/${room._id}`
    const eve = app.user('eve')
    for (const [method, body] of [['GET'], ['PUT', { name: 'x' }], ['DELETE', {}]] as const) {
      t.match(await eve.call(method, path, body), { status: 403, RC: 403, code: 'NOT_ROOM_MEMBER' })
      t.match(await eve.call(method, '/rooms/nowhere', body), {
        status: 404,
        RC: 404,
        code: 'ROOM_NOT_FOUND',
      })
      t.match(await app.platform().call(method, '/rooms/nowhere', body), {
        status: 404,
        code: 'ROOM_NOT_FOUND',
      })
    }
    t.same(await eve.ok('GET', `${path}/exists`), { exists: true })
    t.same(await eve.ok('GET', '/rooms/nowhere/exists'), { exists: false })
    t.match(await app.platform().ok('GET', path), { isSuperuser: true, unread: 0, muted: false })
  })

  t.test('a room is changed by those who manage it; absent fields stay, null clears', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', {
      name: 'A',
      description: 'D',
      invitee: ['bob', 'cem'],
    })
    app.takeEvents()
    const changed = await ann.ok('PUT', `/rooms/${_id}`, {
      name: 'B',
      description: null,
      roomTags: ['x'],
      extParams: 'a=1',
      botMode: true,
      webhook: 'https://x',
    })
    t.match(changed, {
      name: 'B',
      roomTags: ['x'],
      extParams: 'a=1',
      botMode: true,
      webhook: 'https://x',
      members: [{ _id: 'ann' }, {}, {}],
    })
    t.notOk('description' in changed)
    t.match(app.takeEvents(), [
      { type: 'room-changed', to: { roomId: _id }, room: { name: 'B', view: undefined } },
    ])
    t.match(await app.user('bob').call('PUT', `/rooms/${_id}`, { name: 'C' }), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    await ann.ok('PUT', `/rooms/${_id}`, { managers: ['bob'] })
    t.match(
      await app.user('bob').call('PUT', `/rooms/${_id}`, { name: 'C', owner: 'bob' }),
      { status: 403, code: 'PERMISSION_DENIED' },
      'the ownership is its owner’s to give',
    )
    t.match(await ann.call('PUT', `/rooms/${_id}`, { owner: 'eve' }), {
      status: 404,
      code: 'CLIENT_NOT_FOUND',
    })
    t.match(await ann.ok('PUT', `/rooms/${_id}`, { owner: 'bob' }), { owner: { _id: 'bob' } })
    t.match(await app.user('bob').ok('PUT', `/rooms/${_id}`, { name: 'C' }), {
      name: 'C',
      isSuperuser: true,
    })
    t.match(await ann.call('PUT', `/rooms/${_id}`, { status: 2 }), { status: 400, code: 'INVALID_REQUEST' })
    const direct = await ann.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'bob' })
    t.match(
      await app.user('bob').ok('PUT', `/rooms/${direct._id}`, { name: 'us' }),
      { name: 'us' },
      'without an owner, any member',
    )
    t.match(await app.user('bob').call('PUT', `/rooms/${direct._id}`, { owner: 'bob' }), { status: 403 })
  })

  t.test('deleting a room takes it and its messages away', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', { _id: 'gone', invitee: 'bob' })
    await ann.ok('POST', `/rooms/${_id}/message`, { message: 'x' })
    t.match(await app.user('bob').call('DELETE', `/rooms/${_id}`, {}), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    app.takeEvents()
    t.match(await ann.ok('DELETE', `/rooms/${_id}`, {}), { n: 1, ok: 1 })
    t.match(app.takeEvents(), [{ type: 'members-left', roomId: 'gone', userIds: ['ann', 'bob'] }])
    t.match(await ann.call('GET', `/rooms/${_id}`), { status: 404 })
    t.equal((await ann.ok('GET', '/rooms')).totalCount, 0)
    await ann.ok('POST', '/rooms/createAndJoin', { _id: 'gone' })
    t.equal((await ann.ok('GET', '/rooms/gone/messages/v3')).totalCount, 0)
  })
})
