import { createHash } from 'node:crypto'
import t from 'tap'
import { asList, type Json } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const memberIds = (room: Json) => asList(room.members).map((member) => member._id)

onEachDatabase(t, async (t, server) => {
  t.test('a direct room has the id that clients compute, and both are in at once', async (t) => {
    const app = await server.newApp()
    const room = await app
      .user('bob')
      .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'ann', invitationRequired: true })
    t.equal(room._id, md5('ann_bob'))
    t.same(memberIds(room).toSorted(), ['ann', 'bob'])
    const again = await app
      .user('ann')
      .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: ['bob'], name: '' })
    t.equal(again._id, room._id)
  })

  t.test('a client that lower-cases the ids opens the same direct room', async (t) => {
    const app = await server.newApp()
    const room = await app
      .user('Ann')
      .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'Bob' })
    t.equal(room._id, md5('Ann_Bob'))
    const flutter = {
      _id: md5('ann_bob'),
      roomType: 'direct',
      invitee: 'Ann',
      name: '',
      systemMessage: false,
    }
    t.equal((await app.user('Bob').ok('POST', '/rooms/createAndJoin', flutter))._id, room._id)
  })

  t.test('both sides opening their direct room at once get one room', async (t) => {
    const app = await server.newApp()
    const opened = await Promise.all(
      Array.from({ length: 12 }, (_, i) => {
        const [me, other] = i % 2 === 0 ? ['Ann', 'Bob'] : ['Bob', 'Ann']
        const id = i % 3 === 0 ? { _id: md5('ann_bob') } : {}
        return app.user(me!).ok('POST', '/rooms/createAndJoin', { ...id, roomType: 'direct', invitee: other })
      }),
    )
    t.equal(new Set(opened.map((room) => room._id)).size, 1)
    t.equal((await app.user('Ann').ok('GET', '/rooms')).totalCount, 1)
  })

  t.test('an outsider enters no pair’s room, and cannot lie in wait under its id', async (t) => {
    const app = await server.newApp()
    const room = await app
      .user('ann')
      .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'bob' })
    const eve = app.user('eve')
    for (const call of [
      eve.call('POST', '/rooms/createAndJoin', { _id: room._id, roomType: 'direct', invitee: 'ann' }),
      eve.call('POST', '/rooms/createAndJoin', { _id: room._id }),
      eve.call('POST', `/rooms/${room._id}/join`),
      app.user('ann').call('POST', `/rooms/${room._id}/members`, { invitees: ['eve'] }),
      app.platform('eve').call('POST', `/rooms/${room._id}/join`),
      eve.call('POST', '/rooms', { roomType: 'direct', members: ['cem', 'dan'] }),
    ])
      t.match(await call, { status: 403, code: 'PERMISSION_DENIED' })
    await eve.ok('POST', '/rooms/createAndJoin', { _id: md5('cem_dan'), roomType: 'group', name: 'trap' })
    const theirs = await app
      .user('cem')
      .ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'dan' })
    t.not(theirs._id, md5('cem_dan'))
    t.same(memberIds(theirs).toSorted(), ['cem', 'dan'])
    const again = await app
      .user('dan')
      .ok('POST', '/rooms/createAndJoin', { _id: md5('cem_dan'), roomType: 'direct', invitee: 'cem' })
    t.equal(again._id, theirs._id)
    t.match(await eve.call('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: ['a', 'b'] }), {
      status: 400,
    })
  })
})
