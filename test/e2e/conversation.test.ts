import { createHash } from 'node:crypto'
import t from 'tap'
import { asList } from '../support/api-client.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey } = stack.keys

/** Every spelling that a shipped client sends, and mixtures of them. */
const FORMS: Record<string, (token: string) => Record<string, string>> = {
  'the new headers': (token) => ({ 'IM-Client-Key': clientKey, 'IM-Authorization': token }),
  'the new headers in capitals, with a user id': (token) => ({
    'IM-CLIENT-KEY': clientKey,
    'IM-Authorization': token,
    'IM-CLIENT-ID': 'whoever was signed in before',
  }),
  'the legacy headers': (token) => ({ CLIENT_KEY: clientKey, Authorization: token }),
  'the legacy key and the new token': (token) => ({ CLIENT_KEY: clientKey, 'IM-Authorization': token }),
  'the new key and the legacy token with Bearer': (token) => ({
    'IM-Client-Key': clientKey,
    Authorization: `Bearer ${token}`,
  }),
  'both spellings of everything': (token) => ({
    'IM-Client-Key': clientKey,
    CLIENT_KEY: clientKey,
    'IM-Authorization': token,
    Authorization: 'AWS4-HMAC-SHA256 Credential=meant-for-another-server',
  }),
}

let form = 0
for (const [name, headersOf] of Object.entries(FORMS)) {
  const n = ++form
  t.test(`with ${name} a user holds a whole conversation`, async (t) => {
    const people = ['alice', 'bob', 'carol', 'dave', 'erin'].map((person) => `${person}-${n}`)
    const users = await Promise.all(people.map((id) => stack.createUser(id)))
    const [alice, bob, , dave] = users.map(({ token }) => stack.client(headersOf(token)))
    const [aliceId, bobId, carolId, daveId, erinId] = people as [string, string, string, string, string]
    const memberIds = (room: object) =>
      asList('members' in room ? (room.members as []) : []).map(({ id }) => id)

    t.match(await alice!.ok('GET', '/me'), { _id: aliceId, id: aliceId, clientType: 'user' })
    t.match(await alice!.ok('POST', '/me', { nickname: 'Alice' }), { nickname: 'Alice' })

    const direct = await alice!.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: bobId })
    t.equal(direct._id, createHash('md5').update([aliceId, bobId].sort().join('_')).digest('hex'))
    t.same(memberIds(direct).sort(), [aliceId, bobId].sort())
    const again = await bob!.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: aliceId })
    t.equal(again._id, direct._id, 'a direct room is opened, not made twice')

    const group = await alice!.ok('POST', '/rooms/createAndJoin', {
      _id: '',
      roomType: 'group',
      name: 'Lunch',
      invitee: [bobId, carolId],
    })
    t.match(group, {
      _id: /^[0-9a-f]{24}$/,
      id: group._id,
      name: 'Lunch',
      roomType: 'group',
      createdTimeMS: Number,
    })
    const room = `/rooms/${group._id}`
    t.same(memberIds(group).sort(), [aliceId, bobId, carolId].sort())
    t.same(
      memberIds(await dave!.ok('POST', `${room}/join`, {})).sort(),
      [aliceId, bobId, carolId, daveId].sort(),
    )
    t.ok(memberIds(await alice!.ok('POST', `${room}/members/`, { invitees: [erinId] })).includes(erinId))
    const without = await alice!.ok('POST', `${room}/delete/members`, { members: [erinId] })
    t.notOk(memberIds(without).includes(erinId))
    t.notOk(memberIds(await alice!.ok('DELETE', `${room}/members/${daveId}`, {})).includes(daveId))

    const listed = await bob!.ok('GET', '/rooms?limit=20&skip=0&sort=-lastMessage')
    t.equal(listed.totalCount, 2)
    t.same(new Set(asList(listed).map(({ _id }) => _id)), new Set([direct._id, group._id]))
    const query = encodeURIComponent(JSON.stringify({ members: bobId }))
    t.equal((await bob!.ok('GET', `/rooms?q=${query}`)).totalCount, 2)

    const ids: string[] = []
    for (let index = 0; index < 7; index++) {
      const sent = await alice!.ok('POST', `${room}/message`, {
        messageType: 'text',
        message: `message ${index}`,
        reply: ids.at(-1) ?? null,
        mentions: [bobId],
        roomId: group._id,
        somethingOfTheirOwn: { nested: [1, 'ü'] },
      })
      t.match(sent, {
        _id: /^[0-9a-f]{24}$/,
        room: group._id,
        messageType: 'text',
        message: `message ${index}`,
        sender: { _id: aliceId, id: aliceId, nickname: 'Alice' },
        createdAtMS: Number,
        somethingOfTheirOwn: { nested: [1, 'ü'] },
      })
      ids.push(String(sent._id))
    }
    const newestFirst = ids.toReversed()
    const page = async (path: string) => {
      const list = await bob!.ok('GET', `${room}${path}`)
      return { total: list.totalCount, ids: asList(list).map(({ _id }) => String(_id)) }
    }
    t.same(await page('/messages/v3?limit=3'), { total: 7, ids: newestFirst.slice(0, 3) })
    t.same(
      await page(`/messages/v3?limit=3&beforeMessage=${newestFirst[2]}&sortOrder=desc`),
      { total: 7, ids: newestFirst.slice(2, 5) },
      'v3 has its anchor first',
    )
    t.same(await page(`/messages/v3?limit=3&afterMessage=${ids[1]}&sortOrder=asc`), {
      total: 7,
      ids: ids.slice(1, 4),
    })
    t.same(await page('/messages?limit=3'), { total: 7, ids: newestFirst.slice(0, 3) })
    t.same(
      await page(`/messages?limit=3&beforeMessage=${newestFirst[2]}`),
      { total: 7, ids: newestFirst.slice(3, 6) },
      'v1 leaves its anchor out',
    )
    const [latest] = asList(await bob!.ok('GET', `${room}/messages/v3?limit=1`))
    t.match(
      latest,
      { reply: { _id: ids[5], message: 'message 5' } },
      'a reply is answered as a whole message',
    )

    t.match(await bob!.ok('GET', room), { unread: 7, lastMessage: { _id: ids[6], sender: { _id: aliceId } } })
    t.match(await bob!.ok('GET', '/me/badge'), { badge: 7 })
    t.match(await alice!.ok('GET', room), { unread: 0 })
    t.match(await bob!.ok('PUT', `${room}/lastRead`, { message: ids[6] }), {
      client: bobId,
      lastRead: ids[6],
      badge: 0,
    })
    t.match(await bob!.ok('GET', room), { unread: 0 })
    t.match(await bob!.ok('GET', '/me/badge'), { badge: 0 })

    t.match(await bob!.ok('POST', `${room}/typing`, { message: '…' }), {
      message: '…',
      room: group._id,
      sender: bobId,
    })

    const recalled = await alice!.ok('POST', `${room}/message`, {
      _id: ids[6],
      messageType: 'recall',
      roomId: group._id,
    })
    t.match(recalled, { _id: ids[6], messageType: 'recall', message: '' })

    t.match(await dave!.call('GET', room), { status: 403, RC: 403 }, 'who was removed is outside')
    t.match(await dave!.call('POST', `${room}/message`, { messageType: 'text', message: 'x' }), {
      status: 403,
      RC: 403,
    })
    t.match(await dave!.call('GET', `${room}/messages/v3`), { status: 403, RC: 403 })
  })
}

t.test('a room that does not exist is 404 to look at and 403 to write to', async (t) => {
  const { api } = await stack.createUser('searching')
  const room = '/rooms/0123456789abcdef01234567'
  t.match(await api.call('GET', room), { status: 404, RC: 404, code: 'ROOM_NOT_FOUND' })
  t.match(await api.call('POST', `${room}/message`, { messageType: 'text', message: 'x' }), {
    status: 403,
    RC: 403,
  })
})

t.test('a direct room is closed to everybody else, whatever id it is asked for by', async (t) => {
  const [one, two, third] = await Promise.all(
    ['pair-1', 'pair-2', 'pair-3'].map((id) => stack.createUser(id)),
  )
  const room = await one!.api.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: two!.id })
  const intruding = { _id: room._id, roomType: 'direct', invitee: one!.id }
  t.match(await third!.api.call('POST', '/rooms/createAndJoin', intruding), { status: 403, RC: 403 })
  t.match(await third!.api.call('POST', `/rooms/${room._id}/join`, {}), { status: 403, RC: 403 })
})

t.test('bodies arrive in every form that clients send: empty, typed but empty, urlencoded', async (t) => {
  const { api } = await stack.createUser('forms')
  const { _id } = await api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: 'forms' })
  const empty = { 'Content-Type': 'application/json', 'Content-Length': '0' }
  t.match(await api.call('POST', `/me/mute/${_id}`), { status: 200, RC: 0 })
  t.match(await api.call('DELETE', `/me/mute/${_id}`, undefined, { headers: empty }), { status: 200, RC: 0 })
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const joined = await api.call('POST', `/rooms/${_id}/join/`, undefined, { headers: form, rawBody: '' })
  t.match(joined, { status: 200, RC: 0 })
  const named = await api.call('POST', '/me', undefined, { headers: form, rawBody: 'nickname=Form%20Filler' })
  t.match(named, { status: 200, result: { nickname: 'Form Filler' } })
})
