import t from 'tap'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase, type TestApp } from './server.ts'

const REFUSED = { status: 403, code: 'PERMISSION_DENIED' }
const text = (message: string) => ({ messageType: 'text', message })

async function direct(app: TestApp, a: string, b: string): Promise<string> {
  const body = { roomType: 'direct', invitee: b }
  return String((await app.user(a).ok('POST', '/rooms/createAndJoin', body))._id)
}

onEachDatabase(t, async (t, server) => {
  t.test('a block of one’s own makes the direct room, and is one however often it is said', async (t) => {
    const app = await server.newApp()
    await app.platform().ok('POST', '/admin/clients', { _id: 'ccc', nickname: 'C' })
    const block = await app.user('aaa').ok('POST', '/blockStatus/my/ccc')
    t.match(block, {
      appID: app.app,
      blockee: { _id: 'ccc', id: 'ccc', nickname: 'C' },
      blocker: 'aaa',
      room: '2bec603e94a210092439e83ff2d79ac1',
      createdAt: String,
      createdAtMS: Number,
      updatedAtMS: Number,
    })
    t.equal(block.createdAtMS, block.updatedAtMS)
    server.advance(1_000)
    const again = await app.user('aaa').ok('POST', '/blockStatus/my/ccc')
    t.equal(again.createdAtMS, block.createdAtMS)
    t.ok(Number(again.updatedAtMS) > Number(block.updatedAtMS))
    const mine = await app.user('aaa').ok('GET', '/blockStatus/my')
    t.match(mine, {
      totalCount: 1,
      data: [
        {
          blockee: { _id: 'ccc' },
          blocker: 'aaa',
          room: { _id: String, id: String, roomType: 'direct', createdTimeMS: Number },
          createdAt: String,
          updatedAt: String,
        },
      ],
    })
    t.match(await app.user('ccc').ok('GET', '/blockStatus/my'), { totalCount: 0, data: [] })
    t.match(await app.user('aaa').ok('DELETE', '/blockStatus/my/ccc'), { blocker: 'aaa', room: block.room })
    t.match(await app.user('aaa').call('DELETE', '/blockStatus/my/ccc'), {
      status: 404,
      code: 'BLOCK_NOT_FOUND',
    })
  })

  t.test('nobody blocks themselves, or one who is not there', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    t.match(await ann.call('POST', '/blockStatus/my/ann'), { status: 400, code: 'SELF_BLOCK_FORBIDDEN' })
    t.match(await ann.call('POST', '/blockStatus/my/nobody'), { status: 404, code: 'USER_NOT_FOUND' })
    t.match(await ann.call('DELETE', '/blockStatus/my/nobody'), { status: 404, code: 'BLOCK_NOT_FOUND' })
    t.match(await app.platform().call('POST', '/blockStatus/my/ann'), { code: 'ACTING_USER_REQUIRED' })
  })

  t.test('a block silences both in their direct room, and nowhere else', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await direct(app, 'ann', 'bob')
    const group = await groupOf(app, 'ann', 'bob')
    const { _id } = await bob.ok('POST', `/rooms/${room}/message`, text('before'))
    t.match(await ann.ok('POST', '/blockStatus/my/bob'), { room })
    for (const client of [ann, bob]) {
      t.match(await client.call('POST', `/rooms/${room}/message`, text('x')), REFUSED)
      t.match(await client.call('POST', `/rooms/${room}/typing`, { message: 'x' }), REFUSED)
      t.match(await client.call('POST', `/messages/${_id}/reaction`, { reaction: '!' }), REFUSED)
      t.equal((await client.call('GET', `/rooms/${room}/messages/v3`)).status, 200, 'what was said is read')
      t.equal((await client.call('POST', `/rooms/${group}/message`, text('y'))).status, 200)
    }
    t.match(await bob.call('POST', `/rooms/${room}/message`, { _id, message: 'edited' }), REFUSED)
    t.equal((await bob.call('POST', `/rooms/${room}/message`, { _id, messageType: 'recall' })).status, 200)
    t.match(
      await Promise.all(
        [1, 2, 3].map((n) => bob.call('POST', `/rooms/${room}/message`, text(`together ${n}`))),
      ),
      [REFUSED, REFUSED, REFUSED],
    )
    t.match(await app.platform().ok('POST', '/messages', { room, ...text('from the server') }), {
      message: 'from the server',
    })
    await ann.ok('DELETE', '/blockStatus/my/bob')
    t.equal((await bob.call('POST', `/rooms/${room}/message`, text('again'))).status, 200)
  })

  t.test('a direct room says to each of its two whether there is a block', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await direct(app, 'ann', 'bob')
    t.match(await ann.ok('GET', `/rooms/${room}`), {
      didBlockAt: null,
      didBlockAtMS: 0,
      wasBlockedAt: null,
      wasBlockedAtMS: 0,
    })
    await ann.ok('POST', '/blockStatus/my/bob')
    t.match(await ann.ok('GET', `/rooms/${room}`), { didBlockAt: String, wasBlockedAt: null })
    t.match(asList(await bob.ok('GET', '/rooms')), [{ didBlockAt: null, wasBlockedAt: String }])
    const group = await ann.ok('GET', `/rooms/${await groupOf(app, 'ann', 'bob')}`)
    t.notOk('didBlockAt' in group)
    t.match(await bob.ok('POST', '/blockStatus/my/ann'), { room }, 'the other one may block too')
    await ann.ok('DELETE', '/blockStatus/my/bob')
    t.match(await bob.call('POST', `/rooms/${room}/message`, text('x')), REFUSED)
    t.match(await ann.call('DELETE', `/blockStatus/room/${room}/ann`), REFUSED, 'and not be undone by her')
  })

  t.test('the owner of a group bans one who stays a member', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob', 'cem')
    const ban = await ann.ok('POST', `/blockStatus/room/${room}/bob`)
    t.match(ban, { appID: app.app, blockee: { _id: 'bob' }, blocker: 'ann', room, updatedAtMS: Number })
    t.match(await bob.call('POST', `/rooms/${room}/message`, text('x')), REFUSED)
    t.equal((await app.user('cem').call('POST', `/rooms/${room}/message`, text('x'))).status, 200)
    t.match(asList(await bob.ok('GET', '/rooms')), [{ _id: room }])
    const listed = await ann.ok('GET', `/blockStatus/room/${room}`)
    t.match(listed, {
      totalCount: 1,
      data: [
        {
          blockee: { _id: 'bob', id: 'bob' },
          blocker: { _id: 'ann', id: 'ann' },
          room: { _id: room, id: room, roomType: 'group', createdTimeMS: Number },
        },
      ],
    })
    t.notOk('unblockAt' in (asList(listed)[0] ?? {}))
    t.match(asList(await ann.ok('GET', '/blockStatus/my')), [{ room: { _id: room } }], 'bans are listed too')
    t.match(await ann.ok('DELETE', `/blockStatus/room/${room}/bob`), { blockee: { _id: 'bob' } })
    t.equal((await bob.call('POST', `/rooms/${room}/message`, text('x'))).status, 200)
    t.match(await ann.call('DELETE', `/blockStatus/room/${room}/bob`), { status: 404 })
  })

  t.test('the owner alone bans; without one, any member; a platform key always', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob', 'cem')
    await app.user('ann').ok('PUT', `/rooms/${room}`, { managers: ['bob'] })
    t.match(await app.user('bob').call('POST', `/blockStatus/room/${room}/cem`), REFUSED, 'a manager')
    t.match(await app.user('bob').call('GET', `/blockStatus/room/${room}`), REFUSED)
    t.match(await app.user('eve').call('POST', `/blockStatus/room/${room}/cem`), { code: 'NOT_ROOM_MEMBER' })
    t.match(await app.platform().ok('POST', `/blockStatus/room/${room}/cem`), { blocker: null })
    t.match(asList(await app.platform().ok('GET', `/blockStatus/room/${room}`)), [{ blocker: null }])
    await app.platform().ok('PUT', `/rooms/${room}`, { owner: null })
    t.match(await app.user('bob').ok('DELETE', `/blockStatus/room/${room}/cem`), { blockee: { _id: 'cem' } })
    t.match(await app.platform().call('POST', `/blockStatus/room/nowhere/cem`), { code: 'ROOM_NOT_FOUND' })
    t.match(await app.platform().call('POST', `/blockStatus/room/${room}/nobody`), {
      status: 404,
      code: 'USER_NOT_FOUND',
    })
  })
})
