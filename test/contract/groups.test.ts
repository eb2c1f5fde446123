import t from 'tap'
import { asList, asObject, type Json } from '../support/api-client.ts'
import { groupOf, onEachDatabase, type TestApp } from './server.ts'

const memberIds = (room: Json) => asList(room.members).map((member) => member._id)
const put = (app: TestApp, group: object) => app.platform().ok('POST', '/admin/groups', group)

onEachDatabase(t, async (t, server) => {
  t.test('a group is created and updated by one call', async (t) => {
    const app = await server.newApp()
    const made = await put(app, {
      _id: 'team',
      nickname: 'Team',
      avatarUrl: 't.png',
      members: ['bob', 'ann'],
    })
    t.match(made, {
      _id: 'team',
      id: 'team',
      nickname: 'Team',
      avatarUrl: 't.png',
      clientType: 'group',
      members: ['bob', 'ann'],
      createdAt: String,
      createdAtMS: Number,
      updatedAt: String,
    })
    t.same((await put(app, { _id: 'team', nickname: 'T' })).members, ['bob', 'ann'], 'absent stays')
    t.match(await put(app, { _id: 'team', nickname: 'T', avatarUrl: null, members: ['cem'] }), {
      nickname: 'T',
      members: ['cem'],
    })
    t.match(await put(app, { nickname: 'unnamed' }), { _id: /^[0-9a-f]{24}$/, members: [] })
    const listed = await app.platform().ok('GET', '/admin/groups')
    t.equal(listed.totalCount, 2)
    t.match(asList(listed)[1], { _id: 'team', id: 'team', nickname: 'T', members: ['cem'] })
    t.match(await app.platform().ok('GET', '/admin/groups?limit=1'), { totalCount: 2, data: { length: 1 } })
    t.match(await app.platform().ok('GET', '/admin/clients?q={"clientType":"group"}'), { totalCount: 2 })
  })

  t.test('a group is no user, and has no groups in it', async (t) => {
    const app = await server.newApp()
    const call = (body: object) => app.platform().call('POST', '/admin/groups', body)
    await put(app, { _id: 'team', nickname: 'T', members: ['ann'] })
    t.match(await call({ _id: 'ann', nickname: 'x' }), { status: 409, code: 'USER_EXISTS' })
    t.match(await call({ _id: 'other', nickname: 'x', members: ['team'] }), { code: 'INVALID_REQUEST' })
    t.match(await call({ _id: 'team', nickname: 'x', members: ['team'] }), { code: 'INVALID_REQUEST' })
    t.match(await call({ _id: 'team' }), { status: 400, code: 'MISSING_PARAMETER' })
    t.match(asList(await app.platform().ok('GET', '/admin/groups')), [{ members: ['ann'] }])
  })

  t.test('where a group is a member, its users have the room', async (t) => {
    const app = await server.newApp()
    await put(app, { _id: 'team', nickname: 'Team', members: ['bob', 'cem'] })
    const room = await groupOf(app, 'ann', 'team')
    t.match(app.takeEvents()[0], { type: 'members-joined', userIds: ['ann', 'team', 'bob', 'cem'] })
    const bob = app.user('bob')
    const [seen] = asList(await bob.ok('GET', '/rooms'))
    t.same(memberIds(seen ?? {}), ['ann', 'team'])
    t.match(asList(seen?.members)[1], {
      clientType: 'group',
      nickname: 'Team',
      members: [
        { _id: 'bob', id: 'bob' },
        { _id: 'cem', id: 'cem' },
      ],
    })
    t.match(await bob.ok('GET', `/rooms?q=${encodeURIComponent('{"members":"bob"}')}`), { totalCount: 1 })
    await app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'hello' })
    t.match(await bob.ok('GET', `/rooms/${room}`), { unread: 1, isSuperuser: false })
    t.match(await bob.ok('POST', `/rooms/${room}/message`, { message: 'hi' }), { sender: { _id: 'bob' } })
    t.match(await bob.ok('GET', '/me/badge'), { badge: 0 })
    t.match(await app.user('cem').ok('GET', '/me/badge'), { badge: 2 }, 'each has a mark of their own')
    t.match(await app.user('eve').call('GET', `/rooms/${room}`), { status: 403 })
  })

  t.test('who comes into a group or leaves it does so in its rooms', async (t) => {
    const app = await server.newApp()
    await put(app, { _id: 'team', nickname: 'Team', members: ['bob', 'cem'] })
    const room = await groupOf(app, 'ann', 'team', 'cem')
    app.takeEvents()
    await put(app, { _id: 'team', nickname: 'Team', members: ['dan'] })
    t.match(app.takeEvents(), [
      { type: 'members-joined', roomId: room, userIds: ['dan'] },
      { type: 'members-left', roomId: room, userIds: ['bob'] },
      { type: 'room-changed' },
    ])
    t.match(await app.user('bob').call('GET', `/rooms/${room}`), { status: 403, code: 'NOT_ROOM_MEMBER' })
    t.equal((await app.user('cem').call('GET', `/rooms/${room}`)).status, 200, 'a member without the group')
    t.match(asList(await app.user('dan').ok('GET', '/rooms')), [{ _id: room }])
  })

  t.test('with the group its users leave the room, but those who are members of their own', async (t) => {
    const app = await server.newApp()
    await put(app, { _id: 'team', nickname: 'Team', members: ['bob', 'cem'] })
    const room = await groupOf(app, 'ann', 'team', 'cem')
    app.takeEvents()
    const ann = app.user('ann')
    t.same(memberIds(await ann.ok('POST', `/rooms/${room}/delete/members`, { members: ['bob'] })), [
      'ann',
      'cem',
      'team',
    ])
    t.match(app.takeEvents(), [{ type: 'room-changed' }], 'inside by the group, nobody takes him out alone')
    t.same(memberIds(await ann.ok('POST', `/rooms/${room}/delete/members`, { members: ['cem'] })), [
      'ann',
      'team',
    ])
    t.match(app.takeEvents(), [{ type: 'room-changed' }], 'the group still holds him inside')
    await ann.ok('POST', `/rooms/${room}/members`, { invitees: ['cem'] })
    await ann.ok('POST', `/rooms/${room}/delete/members`, { members: ['team'] })
    t.match(
      app.takeEvents().filter((event) => event.type === 'members-left'),
      [{ userIds: ['team', 'bob'] }],
    )
    t.match(await app.user('bob').call('GET', `/rooms/${room}`), { status: 403 })
    t.equal((await app.user('cem').call('GET', `/rooms/${room}`)).status, 200)
  })

  t.test('an invitation for a group is one for each of its users', async (t) => {
    const app = await server.newApp()
    await put(app, { _id: 'team', nickname: 'Team', members: ['bob', 'cem'] })
    const body = { roomType: 'group', invitee: ['team'], invitationRequired: true }
    const room = await app.user('ann').ok('POST', '/rooms/createAndJoin', body)
    t.same(memberIds(room), ['ann'])
    t.match(await app.user('cem').ok('GET', '/rooms/invitations'), { totalCount: 1 })
    t.same(memberIds(await app.user('cem').ok('POST', `/rooms/${room._id}/join`)), ['ann', 'cem'])
  })

  t.test('what a group says of a room holds for each of its users, with their own word', async (t) => {
    const app = await server.newApp()
    await put(app, { _id: 'team', nickname: 'Team', members: ['bob', 'cem'] })
    const room = await groupOf(app, 'ann', 'bob', 'cem')
    const [bob, cem] = [app.user('bob'), app.user('cem')]
    await bob.ok('POST', `/roomPrefs/${room}`, { tags: ['own'], folder: 'mine' })
    app.takeEvents()
    const said = await bob.ok('POST', `/roomPrefs/${room}/group/team`, {
      tags: ['shared'],
      tagColors: { shared: '#f00' },
      folder: 'theirs',
      sticky: true,
    })
    const whole = { room, tags: ['own', 'shared'], folder: 'mine', sticky: true, translation: true }
    t.match(said, whole)
    t.match(
      app.takeEvents().toSorted((a, b) => JSON.stringify(a.to).localeCompare(JSON.stringify(b.to))),
      [
        {
          type: 'room-pref-changed',
          to: { userIds: ['bob'] },
          pref: { roomId: room, sticky: true, folder: 'mine', tags: ['own', 'shared'] },
        },
        {
          type: 'room-pref-changed',
          to: { userIds: ['cem'] },
          pref: { roomId: room, sticky: true, folder: 'theirs', tags: ['shared'] },
        },
      ],
      'each of them is told the whole of what holds for them',
    )
    t.match(asObject((await bob.ok('GET', `/rooms/${room}`)).pref), whole)
    t.match(asObject((await cem.ok('GET', `/rooms/${room}`)).pref), {
      tags: ['shared'],
      tagColors: { shared: '#f00' },
      folder: 'theirs',
    })
    t.match(asObject((await app.user('ann').ok('GET', `/rooms/${room}`)).pref), { tags: [], sticky: false })
    t.match(await cem.ok('GET', '/roomPrefs/group/team'), {
      totalCount: 1,
      data: [{ room, tags: ['shared'], folder: 'theirs', sticky: true }],
    })
    const listed = async (client: typeof bob, pref: unknown) =>
      asList(await client.ok('GET', `/rooms?pref=${encodeURIComponent(JSON.stringify(pref))}`)).length
    for (const pref of [
      { tags: 'shared' },
      { sticky: true, tags: { $in: ['x', 'shared'] } },
      { tags: { $ne: 'x' } },
    ]) {
      t.equal(await listed(bob, pref), 1, JSON.stringify(pref))
      t.equal(await listed(cem, pref), 1, JSON.stringify(pref))
    }
    t.same(
      [await listed(bob, { folder: 'mine' }), await listed(bob, { folder: 'theirs' })],
      [1, 0],
      'one’s own folder is before the group’s',
    )
    t.same([await listed(cem, { folder: 'theirs' }), await listed(cem, { tags: 'own' })], [1, 0])
    t.equal(await listed(app.user('ann'), { sticky: true }), 0)
    t.equal(asList(await bob.ok('GET', '/rooms?prefs={"sticky":true}')).length, 1, 'as it is spelt in places')
    const search = { type: ['roomPrefTags', 'roomPrefFolder'], keyword: 'the' }
    t.match(await cem.ok('POST', '/search', { ...search, keyword: 'SHAR' }), {
      roomPrefTags: [{ _id: room }],
    })
    t.match(await cem.ok('POST', '/search', search), { roomPrefTags: [], roomPrefFolder: [{ _id: room }] })
    t.match(await bob.ok('POST', '/search', search), { roomPrefFolder: [] })
    t.match(await cem.ok('DELETE', `/roomPrefs/${room}/group/team/sticky`), { sticky: false })
    t.match(asObject((await bob.ok('GET', `/rooms/${room}`)).pref), {
      sticky: false,
      tags: ['own', 'shared'],
    })
    for (const [method, path] of [
      ['POST', `/roomPrefs/${room}/group/team`],
      ['GET', '/roomPrefs/group/team'],
      ['DELETE', `/roomPrefs/${room}/group/team/tags`],
    ] as const)
      t.match(await app.user('ann').call(method, path), { status: 403, code: 'PERMISSION_DENIED' })
    t.match(await app.platform().ok('POST', `/roomPrefs/${room}/group/team`, { muted: true }), {
      tags: ['shared'],
      muted: true,
    })
    t.match(await app.platform().ok('DELETE', `/roomPrefs/${room}/group/team/muted`), { muted: false })
    t.match(await app.platform().ok('GET', '/roomPrefs/group/team'), { totalCount: 1 })
  })

  t.test('what is said under the name of no group is one’s own word', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const ann = app.user('ann')
    t.match(await ann.ok('POST', `/roomPrefs/${room}/group/vip`, { sticky: true }), { room, sticky: true })
    t.match(await ann.ok('GET', `/rooms/${room}`), { pref: { sticky: true } })
    t.match(await app.user('bob').ok('GET', `/rooms/${room}`), { pref: { sticky: false } })
    t.match(await ann.ok('GET', '/roomPrefs/group/vip'), { totalCount: 1 })
    t.match(await ann.ok('DELETE', `/roomPrefs/${room}/group/vip/sticky`), { sticky: false })
    t.match(await app.platform().call('GET', '/roomPrefs/group/vip'), {
      status: 404,
      code: 'CLIENT_NOT_FOUND',
    })
  })

  t.test('one thing that was said of a room is taken back', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    await ann.ok('POST', `/roomPrefs/${room}`, { tags: ['x'], folder: 'f', sticky: true, translation: false })
    app.takeEvents()
    t.match(await ann.ok('DELETE', `/roomPrefs/${room}/tags`), { room, tags: [], folder: 'f', sticky: true })
    t.match(app.takeEvents(), [{ type: 'room-pref-changed', to: { userIds: ['ann'] }, pref: { tags: [] } }])
    t.match(await ann.ok('DELETE', `/roomPrefs/${room}/folder`), { folder: null })
    t.match(await ann.ok('DELETE', `/roomPrefs/${room}/translation`), { translation: true, sticky: true })
    t.match(await ann.ok('DELETE', '/roomPrefs/nowhere/muted'), { room: 'nowhere', muted: false })
    t.match(await ann.call('DELETE', `/roomPrefs/${room}/room_id`), { status: 400, code: 'INVALID_REQUEST' })
  })
})
