import t from 'tap'
import { presentRoom } from '../../core/wire/present.ts'
import { asList, type Json, type JsonValue } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

const SHOWN = 200
const idsOf = (members: JsonValue) => asList(members).map((member) => String(member._id))
const clientsOf = (properties: JsonValue) => asList(properties).map((property) => String(property.client))

onEachDatabase(t, async (t, server) => {
  t.test('every answer and event shows some of a large room’s members, the caller among them', async (t) => {
    const app = await server.newApp()
    const members = Array.from({ length: 250 }, (_, n) => `user-${n}`)
    const platform = app.platform()
    const created = await platform.ok('POST', '/rooms', { _id: 'large', members: [...members, 'zoe'] })
    t.equal(Array.isArray(created.members) && created.members.length, SHOWN)
    const zoe = app.user('zoe')
    await platform.ok('POST', '/messages', { room: 'large', message: 'x', sender: 'user-1' })
    await platform.ok('PUT', '/rooms/large', { managers: ['zoe'] })
    const first = [...members].sort()

    const answers: ReadonlyArray<[what: string, room: Json | undefined]> = [
      ['list', asList(await zoe.ok('GET', '/rooms?limit=0'))[0]],
      [
        'search',
        asList((await zoe.ok('POST', '/search', { type: 'roomMember', keyword: 'user-1' })).roomMember)[0],
      ],
      ['room', await zoe.ok('GET', '/rooms/large')],
      ['join', await zoe.ok('POST', '/rooms/large/join')],
      ['open', await zoe.ok('POST', '/rooms/createAndJoin', { _id: 'large' })],
      ['property', await zoe.ok('PUT', '/rooms/large/member/zoe', { property: 'seat', value: 7 })],
      ['add', await zoe.ok('POST', '/rooms/large/members', { invitees: ['yan'] })],
      ['remove', await zoe.ok('POST', '/rooms/large/delete/members', { members: ['yan'] })],
    ]
    for (const [what, room] of answers) {
      t.match(room, { unread: 1, isSuperuser: true, memberCount: what === 'add' ? 252 : 251 }, what)
      t.same(idsOf(room?.members), [...first.slice(0, SHOWN - 1), 'zoe'], what)
      t.same(clientsOf(room?.memberProperties), idsOf(room?.members), what)
    }
    t.match(asList((await zoe.ok('GET', '/rooms/large')).memberProperties).at(-1), { client: 'zoe', seat: 7 })
    for (const shown of [
      (await platform.ok('GET', '/rooms')).data,
      [await platform.ok('GET', '/rooms/large')],
    ])
      t.same(idsOf(asList(shown)[0]?.members), first.slice(0, SHOWN), 'nobody is the caller')
    const told = app.takeEvents().flatMap((event) => (event.type === 'room-changed' ? event.room : []))
    t.ok(told.length > 3)
    for (const room of told) {
      const { members: shown, memberProperties, memberCount } = presentRoom(room)
      t.match([shown, memberProperties], [{ length: SHOWN }, { length: SHOWN }])
      t.ok(Number(memberCount) > SHOWN)
    }

    await t.test('all of them are listed, a page at a time', async (t) => {
      const listed: string[] = []
      for (;;) {
        const page = await zoe.ok('GET', `/rooms/large/members?limit=100&after=${listed.at(-1) ?? ''}`)
        t.equal(page.totalCount, 251)
        t.same(clientsOf(page.memberProperties), idsOf(page))
        if (idsOf(page).length === 0) break
        listed.push(...idsOf(page))
      }
      t.same(listed, [...first, 'zoe'])
    })
  })

  t.test(
    'a large group shows some of its users, and hides nobody who is in the room themselves',
    async (t) => {
      const app = await server.newApp()
      const platform = app.platform()
      const users = Array.from({ length: 210 }, (_, n) => `a-${n}`)
      const group = await platform.ok('POST', '/admin/groups', {
        _id: 'team',
        nickname: 'Team',
        members: users,
      })
      t.match(group, { members: { length: 210 } }, 'by itself it has them all')
      const zoe = app.user('zoe')
      await zoe.ok('POST', '/rooms/createAndJoin', { _id: 'r', invitee: ['bob', 'team'] })
      const room = await zoe.ok('GET', '/rooms/r')
      t.equal(room.memberCount, 213)
      t.same(idsOf(room.members), ['bob', 'team', 'zoe'])
      t.match(asList(room.members)[1], { clientType: 'group', members: { length: SHOWN } })
      t.match(
        await app.user('a-1').ok('GET', '/rooms/r'),
        { unread: 0 },
        'and is seen by who is in it by the group',
      )
      t.same(idsOf(await zoe.ok('GET', '/rooms/r/members')), ['bob', 'team', 'zoe'])
    },
  )
})
