import t from 'tap'
import { asList, asObject, type Json } from '../support/api-client.ts'
import { onEachDatabase, startContractServer } from './server.ts'

const memberIds = (room: Json) => asList(room.members).map((member) => member._id)

onEachDatabase(t, async (t, server) => {
  t.test('anyone joins an open group, once, and says so if asked', async (t) => {
    const app = await server.newApp()
    const { _id } = await app.user('ann').ok('POST', '/rooms/createAndJoin', {})
    app.takeEvents()
    const room = await app.user('bob').ok('POST', `/rooms/${_id}/join`, { systemMessage: true })
    t.same(memberIds(room), ['ann', 'bob'])
    t.match(room.lastMessage, { messageType: 'joinRoom', sender: { _id: 'bob' } })
    t.match(app.takeEvents(), [
      { type: 'members-joined', userIds: ['bob'] },
      { type: 'message-posted', message: { messageType: 'joinRoom', sender: { id: 'bob' } } },
      { type: 'room-changed' },
    ])
    await app.user('bob').ok('POST', `/rooms/${_id}/join`, { systemMessage: true })
    t.match(app.takeEvents(), [{ type: 'room-changed' }])
    t.match(await app.user('bob').call('POST', '/rooms/nowhere/join'), {
      status: 404,
      code: 'ROOM_NOT_FOUND',
    })
  })

  t.test('a closed group lets nobody in but through its owner', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', { invitee: 'bob' })
    await ann.ok('PUT', `/rooms/${_id}`, { opening: 0 })
    const refused = { status: 403, code: 'PERMISSION_DENIED' }
    t.match(await app.user('eve').call('POST', `/rooms/${_id}/join`), refused)
    t.match(await app.user('eve').call('POST', '/rooms/createAndJoin', { _id }), refused)
    t.match(await app.user('bob').call('POST', `/rooms/${_id}/members`, { invitees: ['eve'] }), refused)
    t.same(memberIds(await ann.ok('POST', `/rooms/${_id}/members`, { invitees: ['cem'] })), [
      'ann',
      'bob',
      'cem',
    ])
  })

  t.test('members are added in both forms, with the system message of each', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    await app.platform().ok('POST', '/admin/clients', { _id: 'bob', nickname: 'Bob', avatarUrl: 'b.png' })
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', {})
    app.takeEvents()
    const many = await ann.ok('POST', `/rooms/${_id}/members/`, {
      invitees: ['bob', 'cem', 'bob'],
      systemMessage: true,
    })
    t.same(memberIds(many), ['ann', 'bob', 'cem'])
    t.match(many.lastMessage, {
      messageType: 'addMembers',
      message: 'Bob, cem',
      sender: { _id: 'ann' },
      extra: { invitees: [{ _id: 'bob', nickname: 'Bob', avatarUrl: 'b.png' }, { _id: 'cem' }] },
    })
    t.match(
      app.takeEvents().map((event) => event.type),
      ['members-joined', 'message-posted', 'room-changed'],
    )
    const one = await ann.ok('POST', `/rooms/${_id}/members/dan`, { systemMessage: true })
    t.match(one.lastMessage, { messageType: 'addMember', message: 'dan', member: { _id: 'dan', id: 'dan' } })
    const silent = await ann.ok('POST', `/rooms/${_id}/members/eda`, {})
    t.equal(asObject(silent.lastMessage)._id, asObject(one.lastMessage)._id, 'silent unless asked')
    const refused = await app.user('eve').call('POST', `/rooms/${_id}/members/eve`)
    t.match(refused, { status: 403, code: 'NOT_ROOM_MEMBER' })
  })

  t.test('members leave, and are removed by those who manage the room', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', { invitee: ['bob', 'cem', 'dan', 'eda'] })
    t.match(await app.user('bob').call('DELETE', `/rooms/${_id}/members/cem`, {}), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    app.takeEvents()
    const removed = await ann.ok('POST', `/rooms/${_id}/delete/members`, {
      members: ['bob', 'nobody'],
      systemMessage: true,
    })
    t.same(memberIds(removed), ['ann', 'cem', 'dan', 'eda'])
    t.match(removed.lastMessage, {
      messageType: 'deleteMember',
      member: { _id: 'bob' },
      extra: { members: [{ _id: 'bob' }] },
      message: 'bob',
    })
    t.match(app.takeEvents(), [
      { type: 'message-posted', message: { messageType: 'deleteMember' } },
      { type: 'members-left', userIds: ['bob'] },
      { type: 'room-changed' },
    ])
    t.match(await app.user('bob').call('GET', `/rooms/${_id}`), { status: 403 })
    t.match(await app.user('bob').call('POST', `/rooms/${_id}/message`, { message: 'x' }), { status: 403 })
    const left = await app
      .user('cem')
      .ok('POST', `/rooms/${_id}/delete/members`, { members: ['cem'], systemMessage: true })
    t.match(left.lastMessage, { messageType: 'leaveRoom', sender: { _id: 'cem' } })
    t.same(memberIds(await ann.ok('DELETE', `/rooms/${_id}/members/dan`)), ['ann', 'eda'])
    t.same(
      memberIds(await app.platform().ok('DELETE', `/rooms/${_id}/members/eda`, { systemMessage: true })),
      ['ann'],
    )
    t.match(await ann.ok('GET', `/rooms/${_id}`), {
      lastMessage: { messageType: 'deleteMember', sender: { _id: 'ann' } },
    })
    t.match(await app.user('cem').ok('GET', '/roomPrefs'), {
      totalCount: 1,
      data: [{ room: _id, quittedAtMS: Number }],
    })
  })

  t.test('in a group without an owner any member removes members and makes admins', async (t) => {
    const app = await server.newApp()
    const { _id } = await app.platform().ok('POST', '/rooms', { members: ['ann', 'bob', 'cem'] })
    const bob = app.user('bob')
    t.same(memberIds(await bob.ok('POST', `/rooms/${_id}/delete/members`, { members: ['cem'] })), [
      'ann',
      'bob',
    ])
    t.match(await app.user('cem').call('POST', `/rooms/${_id}/delete/members`, { members: ['ann'] }), {
      status: 403,
      code: 'NOT_ROOM_MEMBER',
    })
    const role = { property: 'role', value: 'admin' }
    t.match(await bob.ok('PUT', `/rooms/${_id}/member/ann`, role), {
      memberProperties: [{ client: 'ann', role: 'admin' }, {}],
    })
  })

  t.test('member properties are kept as they are; the role is given by managers and announced', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', { invitee: ['bob', 'cem'] })
    const put = (client: typeof ann, user: string, property: string, value: unknown) =>
      client.call('PUT', `/rooms/${_id}/member/${user}`, { property, value })
    t.match((await put(app.user('bob'), 'bob', 'color', { a: [1] })).result.memberProperties, [
      {},
      { client: 'bob', color: { a: [1] } },
      {},
    ])
    t.match(await put(app.user('bob'), 'bob', 'role', 'admin'), { status: 403, code: 'PERMISSION_DENIED' })
    const admin = (await put(ann, 'bob', 'role', 'admin')).result
    t.match(admin.memberProperties, [{}, { client: 'bob', role: 'admin', color: { a: [1] } }, {}])
    t.match(admin.lastMessage, {
      messageType: 'assignAdmin',
      member: { _id: 'bob' },
      extra: { members: [{ _id: 'bob' }] },
    })
    t.match(await app.user('bob').ok('GET', `/rooms/${_id}`), { isSuperuser: true })
    const member = (await put(app.user('bob'), 'cem', 'role', 'member')).result
    t.equal(asObject(member.lastMessage)._id, asObject(admin.lastMessage)._id)
    for (const [property, value] of [
      ['role', 'king'],
      ['client', 'x'],
      ['badge', 1],
      ['lastRead', 'x'],
      ['__proto__', {}],
      ['', 1],
    ] as const)
      t.match(await put(ann, 'bob', property, value), { status: 400, code: 'INVALID_REQUEST' }, property)
    t.match(await put(ann, 'nobody', 'x', 1), { status: 404, code: 'CLIENT_NOT_FOUND' })
    t.match(
      await put(app.user('bob'), 'bob', 'essay', 'x'.repeat(20_000)),
      { status: 400, code: 'INVALID_REQUEST' },
      'every member reads them',
    )
  })

  t.test('where an invitation is asked for, members come by it', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const body = { roomType: 'group', invitee: ['bob', 'cem'], invitationRequired: true, systemMessage: true }
    app.takeEvents()
    const room = await ann.ok('POST', '/rooms/createAndJoin', body)
    t.same(memberIds(room), ['ann'])
    const events = app.takeEvents()
    t.match(events.slice(-2), [
      {
        type: 'invited',
        to: { userIds: ['bob'] },
        invitation: { inviter: { id: 'ann' }, room: { id: room._id, view: undefined } },
      },
      { type: 'invited', to: { userIds: ['cem'] } },
    ])
    t.match(await app.user('bob').ok('GET', '/rooms'), { totalCount: 0 })
    const [mine] = asList(await app.user('bob').ok('GET', '/rooms/invitations'))
    t.match(mine, {
      inviter: { _id: 'ann' },
      room: { _id: room._id },
      createdTimeMS: Number,
      updatedTimeMS: Number,
    })
    t.match(await ann.ok('GET', `/rooms/${room._id}/invitations`), {
      totalCount: 2,
      data: [{ invitee: { _id: 'bob' }, room: undefined }, {}],
    })
    await app.user('bob').ok('POST', `/rooms/${room._id}/join`)
    t.match(await app.user('bob').ok('GET', '/rooms/invitations'), { totalCount: 0, data: [] })
    t.match(await app.user('cem').ok('DELETE', `/rooms/${room._id}/invitations`), { totalCount: 0 })
    await ann.ok('POST', `/rooms/${room._id}/members`, { invitees: ['bob', 'dan'], invitationRequired: true })
    app.takeEvents()
    const rest = await ann.ok('POST', `/rooms/${room._id}/delete/invitations`, { invitees: ['dan'] })
    t.match(rest, { totalCount: 0, data: [] }, 'who is a member was not invited again')
    t.match(app.takeEvents(), [{ type: 'invitation-cancelled', to: { userIds: ['dan'] }, roomId: room._id }])
    await ann.ok('POST', `/rooms/${room._id}/members`, {
      invitees: ['dan', 'eda'],
      invitationRequired: true,
    })
    app.takeEvents()
    t.match(
      await ann.ok('DELETE', `/rooms/${room._id}/invitations/dan`),
      { totalCount: 1, data: [{ invitee: { _id: 'eda' }, inviter: { _id: 'ann' } }] },
      'the old form for one',
    )
    t.match(app.takeEvents(), [{ type: 'invitation-cancelled', to: { userIds: ['dan'] } }])
    const said = { invitees: ['eda', 'nobody'], systemMessage: true }
    t.match(await ann.ok('POST', `/rooms/${room._id}/delete/invitations`, said), { totalCount: 0 })
    t.match(await ann.ok('GET', `/rooms/${room._id}`), {
      lastMessage: {
        messageType: 'cancelInvitations',
        message: 'eda',
        sender: { _id: 'ann' },
        extra: { invitees: [{ _id: 'eda' }] },
      },
    })
    t.match(await app.user('eve').call('GET', `/rooms/${room._id}/invitations`), { status: 403 })
  })
})

t.test('a deployment may require invitations for every group', async (t) => {
  const server = await startContractServer(t, 'postgres', { invitationRequired: true })
  const app = await server.newApp()
  const room = await app.user('ann').ok('POST', '/rooms/createAndJoin', { invitee: 'bob' })
  t.match(await app.user('eve').call('POST', `/rooms/${room._id}/join`), {
    status: 403,
    code: 'PERMISSION_DENIED',
  })
  t.match(await app.user('eve').call('POST', '/rooms/createAndJoin', { _id: room._id }), { status: 403 })
  t.same(memberIds(await app.user('bob').ok('POST', `/rooms/${room._id}/join`)), ['ann', 'bob'])
  const direct = await app
    .user('ann')
    .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'bob' })
  t.equal(memberIds(direct).length, 2)
})
