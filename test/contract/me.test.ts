import t from 'tap'
import { asList } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('a first contact creates the user; its profile is its own to change', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const me = await ann.ok('GET', '/me')
    t.match(me, {
      _id: 'ann',
      id: 'ann',
      mute: [],
      notificationEnabled: true,
      isRobot: false,
      clientType: 'user',
      lastLoginTimeMS: 0,
    })
    t.equal(me.createdAtMS, Date.parse(String(me.createdAt)))
    t.notOk('data' in me)
    const changed = await ann.ok('POST', '/me', {
      nickname: 'Ann',
      avatarUrl: 'a.png',
      email: 'a@x',
      isRobot: true,
      other: 1,
    })
    t.match(changed, { nickname: 'Ann', avatarUrl: 'a.png', email: 'a@x', isRobot: false, other: undefined })
    t.match(await ann.ok('POST', '/me', { description: 'd', avatarUrl: null }), {
      nickname: 'Ann',
      description: 'd',
      avatarUrl: undefined,
    })
    t.match(await app.platform('ann').ok('GET', '/me'), { _id: 'ann', nickname: 'Ann' })
    t.match(await ann.call('POST', '/me', { nickname: 7 }), { status: 400, code: 'INVALID_REQUEST' })
  })

  t.test('a platform key that acts for nobody has no "me"', async (t) => {
    const app = await server.newApp()
    for (const [method, path] of [
      ['GET', '/me'],
      ['POST', '/me'],
      ['GET', '/me/badge'],
      ['GET', '/me/pref'],
      ['GET', '/rooms/quitted'],
      ['POST', '/rooms/x/join'],
      ['PUT', '/rooms/x/lastRead'],
      ['POST', '/roomPrefs/x'],
      ['POST', '/messages/x/reaction'],
    ] as const)
      t.match(
        await app.platform().call(method, path),
        { status: 400, RC: 400, code: 'ACTING_USER_REQUIRED' },
        path,
      )
  })

  t.test('the badge is the sum over rooms; with tags, of the rooms that have one of them', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    for (const [id, tags] of [
      ['a', ['x', 'y']],
      ['b', ['y']],
      ['c', []],
    ] as const) {
      await ann.ok('POST', '/rooms/createAndJoin', { _id: id, roomTags: tags, invitee: 'bob' })
      await ann.ok('POST', `/rooms/${id}/message`, { message: '1' })
    }
    const badge = async (query: string) => (await app.user('bob').ok('GET', `/me/badge${query}`)).badge
    t.equal(await badge(''), 3)
    t.equal(await badge('?roomTags=x'), 1)
    t.equal(await badge('?roomTags=x&roomTags=y'), 2)
    t.equal(await badge('?roomTags[]=y&roomTags[]=z'), 2)
  })

  t.test('muting is repeatable and shows in the room', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await ann.ok('POST', '/rooms/createAndJoin', {})
    for (const _ of [1, 2]) t.match(await ann.ok('POST', `/me/mute/${_id}`), { _id: 'ann', mute: [_id] })
    t.match(await ann.ok('GET', `/rooms/${_id}`), { muted: true })
    for (const _ of [1, 2]) t.match(await ann.ok('DELETE', `/me/mute/${_id}`, {}), { mute: [] })
    t.match(await ann.ok('GET', `/rooms/${_id}`), { muted: false })
  })

  t.test('preferences are kept verbatim, listed as an array and as a map', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    t.same((await ann.call('GET', '/me/pref')).body.result, [])
    const folders = [{ key: 'f1', name: 'Work' }]
    t.same(await ann.ok('POST', '/me/pref/folders-meta', folders), { key: 'folders-meta', data: folders })
    await ann.ok('POST', '/me/pref/f1', { children: [{ id: 'r', type: 'room' }] })
    t.match(app.takeEvents(), [
      { type: 'my-pref-changed', to: { userIds: ['ann'] }, key: 'folders-meta', content: folders },
      { type: 'my-pref-changed', key: 'f1' },
    ])
    t.same((await ann.call('GET', '/me/pref')).body.result, [
      { key: 'f1', data: { children: [{ id: 'r', type: 'room' }] } },
      { key: 'folders-meta', data: folders },
    ])
    t.same(await ann.ok('GET', '/me/pref?key=folders-meta'), { key: 'folders-meta', data: folders })
    t.same(await ann.ok('GET', '/me/pref?key=none'), { key: 'none', data: null })
    t.same(Object.keys(await ann.ok('GET', '/me/prefs')), ['f1', 'folders-meta'])
    t.same(await ann.ok('DELETE', '/me/pref/f1'), {})
    t.match(app.takeEvents(), [{ type: 'my-pref-deleted', key: 'f1' }])
    t.same(Object.keys(await ann.ok('GET', '/me/prefs')), ['folders-meta'])
    t.same((await app.user('bob').call('GET', '/me/pref')).body.result, [])
  })

  t.test('preferences have their bounds, since they are answered all at once', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const large = { text: 'x'.repeat(900_000) }
    for (const key of ['a', 'b', 'c', 'd']) await ann.ok('POST', `/me/pref/${key}`, large)
    t.match(await ann.call('POST', '/me/pref/e', large), { status: 413, code: 'PAYLOAD_TOO_LARGE' })
    t.match(await ann.call('POST', '/me/pref/a', large), { status: 200 }, 'what is there can be replaced')
    await ann.ok('POST', '/me/pref/small', { a: 1 })
    t.match(await app.user('bob').call('POST', '/me/pref/a', large), { status: 200 }, 'each has its own')
  })

  t.test('room preferences merge, and reach only their owner', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const first = await ann.ok('POST', '/roomPrefs/r', {
      tags: ['a'],
      tagColors: { a: '#fff' },
      sticky: true,
    })
    t.same(first, {
      room: 'r',
      tags: ['a'],
      tagColors: { a: '#fff' },
      folder: null,
      muted: false,
      sticky: true,
      hidden: false,
      translation: true,
    })
    const second = await ann.ok('POST', '/roomPrefs/r', { hidden: true, folder: 'f', tags: null })
    t.same(second, { ...first, hidden: true, folder: 'f' })
    t.match(await ann.ok('POST', '/roomPrefs/r', { folder: null, translation: false }), {
      folder: null,
      translation: false,
    })
    t.match(app.takeEvents()[1], {
      type: 'room-pref-changed',
      to: { userIds: ['ann'] },
      pref: { roomId: 'r', hidden: true },
    })
    t.match(await ann.ok('GET', '/roomPrefs'), { totalCount: 1, data: [{ room: 'r' }] })
    t.match(await app.user('bob').ok('GET', '/roomPrefs'), { totalCount: 0, data: [] })
    t.match(await ann.call('POST', '/roomPrefs/r', { tags: 'a' }), { status: 400, code: 'INVALID_REQUEST' })
  })

  t.test('logging out revokes the token in use, or all the others, and says where the feed is', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    const ann = app.user('ann')
    await platform.ok('POST', '/admin/clients', { _id: 'ann', token: 'ann' })
    for (const token of ['ann-2', 'ann-3']) await platform.ok('PUT', '/admin/clients/ann/token/', { token })
    const others = await ann.call('POST', '/me/logout-others')
    t.equal(asList(others.result).length, 2)
    t.match(others.headers['im-credential-position'], /^\d+$/)
    const logout = await ann.call('POST', '/me/logout')
    t.match(logout.result, { client: 'ann', expirationDateMS: Number, createdAtMS: Number })
    t.match(logout.headers['im-credential-position'], /^\d+$/)
    t.match(await platform.ok('GET', '/auths/tokens'), { totalCount: 0, data: [] })
    t.same(await ann.ok('POST', '/me/logout'), {}, 'a token that we never stored')
    t.match(await app.platform('ann').call('POST', '/me/logout'), { status: 400, code: 'INVALID_REQUEST' })
  })
})
