import t from 'tap'
import { asList } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

const claimsOf = (token: unknown) =>
  JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString())

onEachDatabase(t, async (t, server) => {
  t.test('a client is created, then changed in part, custom fields included', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    const created = await platform.call('POST', '/admin/clients', {
      _id: 'a/ü',
      nickname: 'A',
      level: 3,
      tags: ['x'],
    })
    t.match(created.result, {
      _id: 'a/ü',
      id: 'a/ü',
      nickname: 'A',
      level: 3,
      tags: ['x'],
      mute: [],
      lastLoginTimeMS: 0,
    })
    t.notOk('token' in created.result)
    t.equal(created.headers['im-credential-position'], undefined, 'no credential changed')
    const changed = await platform.ok('POST', '/admin/clients', { _id: 'a/ü', email: 'e', level: 4 })
    t.match(changed, {
      nickname: 'A',
      email: 'e',
      level: 4,
      tags: ['x'],
      createdAtMS: created.result.createdAtMS,
    })
    t.match(await platform.call('POST', '/admin/clients', { nickname: 'A' }), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
    for (const _id of ['', 7, null, 'x'.repeat(257)])
      t.match(await platform.call('POST', '/admin/clients', { _id }), {
        status: 400,
        code: 'INVALID_REQUEST',
      })
  })

  t.test('a token is issued, or bound, with the upsert; its position goes with it', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    const issued = await platform.call('POST', '/admin/clients', {
      _id: 'ann',
      nickname: 'Ann',
      issueAccessToken: true,
      token: 'ignored',
    })
    t.match(issued.headers['im-credential-position'], /^\d+$/)
    t.match(claimsOf(issued.result.token), { id: 'ann', nickname: 'Ann', exp: Number, iat: Number })
    const bound = await platform.ok('POST', '/admin/clients', {
      _id: 'bob',
      token: 't-bob',
      expirationDate: '2099-01-02T03:04:05Z',
    })
    t.match(bound, { _id: 'bob', token: 't-bob', expirationDate: '2099-01-02T03:04:05.000Z' })
    const stolen = await platform.call('POST', '/admin/clients', { _id: 'cem', token: 't-bob' })
    t.match(stolen, { status: 409, code: 'TOKEN_CONFLICT' })
  })

  t.test('clients are written by the hundred', async (t) => {
    const app = await server.newApp()
    const data = Array.from({ length: 100 }, (_, i) => ({ _id: `u${i}`, nickname: `n${i}` }))
    t.same(await app.platform().ok('POST', '/admin/clients/list', { data }), { count: 100 })
    t.match(await app.platform().ok('GET', '/admin/clients?limit=10'), {
      totalCount: 100,
      data: { length: 10 },
    })
    const bad = await app.platform().call('POST', '/admin/clients/list', { data: [{ _id: 'ok' }, {}] })
    t.match(bad, { status: 400, code: 'MISSING_PARAMETER' })
  })

  t.test('clients are found by queries of the documented operators', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    await platform.ok('POST', '/admin/clients/list', {
      data: [
        { _id: 'ann', nickname: 'Ann 50%', level: 1, vip: true, teams: ['red', 'blue'] },
        { _id: 'bob', nickname: 'bob', email: 'b@x', level: 2 },
        { _id: 'cem', nickname: 'Cem', level: '3', isRobot: true, teams: 'red', vip: null },
      ],
    })
    const find = async (q: unknown) =>
      asList(await platform.ok('GET', `/admin/clients?q=${encodeURIComponent(JSON.stringify(q))}`))
        .map((client) => client._id)
        .toSorted()
    t.same(await find({}), ['ann', 'bob', 'cem'])
    t.same(await find({ _id: 'ann' }), ['ann'])
    t.same(await find({ _id: { $in: ['ann', 'cem'] } }), ['ann', 'cem'])
    t.same(await find({ _id: { $nin: ['ann'] }, isRobot: { $ne: true } }), ['bob'])
    t.same(await find({ nickname: { $regex: '^an.*', $options: 'i' } }), ['ann'])
    t.same(await find({ nickname: { $regex: '50%' } }), ['ann'])
    t.same(await find({ email: { $exists: true } }), ['bob'])
    t.same(await find({ email: null }), ['ann', 'cem'])
    t.same(await find({ $or: [{ level: 1 }, { level: { $gte: 2 } }] }), ['ann', 'bob'], 'a text is no number')
    t.same(await find({ level: { $type: 'string' } }), ['cem'])
    t.same(await find({ level: { $type: ['int', 2] } }), ['ann', 'bob', 'cem'])
    t.same(await find({ nickname: { $type: 'string' }, email: { $type: 'string' } }), ['bob'])
    t.same(await find({ nickname: { $type: 'number' } }), [])
    t.same(await find({ teams: 'red' }), ['ann', 'cem'], 'a list fits by its entries')
    t.same(await find({ teams: { $all: ['red', 'blue'] } }), ['ann'])
    t.same(await find({ teams: { $type: 'array' } }), ['ann'])
    t.same(await find({ teams: { $ne: 'red' } }), ['bob'])
    t.same(await find({ vip: null }), ['bob', 'cem'])
    t.same(await find({ vip: { $exists: true } }), ['ann', 'cem'])
    t.equal(asList(await platform.ok('GET', '/admin/clients?limit=0')).length, 3, 'none is the default')
    t.same(await find({ vip: true }), ['ann'])
    await app.user('bob').ok('POST', '/rooms/createAndJoin')
    t.same(await find({ lastJoinOrCreateRoomTime: { $exists: true } }), ['bob'])
    await app.user('cem').ok('POST', '/me', { publicKey: 'k' })
    t.same(await find({ publicKey: 'k' }), ['cem'])
    t.same(await find({ createdAt: { $gt: '2001-01-01', $lt: Date.now() + 60_000 } }), ['ann', 'bob', 'cem'])
    t.same(await find({ "x' OR '1'='1": 1 }).catch((error: Error) => /400/.test(error.message)), true)
  })

  t.test('tokens are made, bound, listed without their secret, and revoked', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    t.equal(
      Buffer.from(String((await platform.ok('GET', '/auths/token?size=32')).token), 'base64').length,
      32,
    )
    t.equal(String((await platform.ok('GET', '/auths/token')).token).length, 24)
    await platform.ok('POST', '/admin/clients', { _id: 'ann' })
    const bound = await platform.call('PUT', '/admin/clients/ann/token/', { token: 'secret-1' })
    t.match(bound.result, {
      token: 'secret-1',
      client: 'ann',
      expirationDate: String,
      expirationDateMS: Number,
    })
    t.match(bound.headers['im-credential-position'], /^\d+$/)
    await platform.ok('PUT', '/admin/clients/ann/token', { token: 'secret-2' })
    const listed = await platform.call('GET', '/auths/tokens')
    t.match(listed.result, { totalCount: 2, data: [{ client: 'ann' }, { client: 'ann' }] })
    t.notMatch(listed.text, /secret-/)
    t.match(await platform.ok('DELETE', '/admin/clients/ann/token/', { token: 'secret-1' }), {
      data: [{ token: 'secret-1' }],
    })
    t.match(await platform.call('DELETE', '/admin/clients/ann/token', { token: 'secret-1' }), {
      status: 404,
      code: 'TOKEN_NOT_FOUND',
    })
    t.equal(asList(await platform.ok('DELETE', '/admin/clients/ann/token')).length, 1)
    t.match(await platform.call('PUT', '/admin/clients/ann/token', {}), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
    t.match(await platform.call('PUT', '/admin/clients/eve/token', { token: 'x' }), {
      status: 404,
      code: 'CLIENT_NOT_FOUND',
    })
    t.match(await platform.call('DELETE', '/admin/clients/eve/token'), {
      status: 404,
      code: 'CLIENT_NOT_FOUND',
    })
    t.match(await platform.call('PUT', '/admin/clients/ann/token', { token: 'x', expirationDate: 'soon' }), {
      status: 400,
    })
  })

  t.test('signing in creates the client and issues a token: v2 in the envelope, v1 bare', async (t) => {
    const app = await server.newApp()
    const v2 = await app
      .platform()
      .call('POST', '/auths/sign/v2', { id: 'ann', nickname: 'Ann', avatarUrl: 'a.png' })
    t.match(v2.body, {
      RC: 0,
      result: { authType: 'Standalone JWT', id: 'ann', nickname: 'Ann', avatarUrl: 'a.png', exp: Number },
    })
    t.equal(claimsOf(v2.result.token).id, 'ann')
    t.equal(Date.parse(String(v2.result.expirationDate)), Number(v2.result.exp) * 1_000)
    const v1 = await app.platform().call('POST', '/auths/sign', { id: 'ann' })
    t.match(v1.body, { authType: 'Standalone JWT', id: 'ann', nickname: 'Ann', token: String })
    t.notOk('RC' in v1.body)
    t.match(v1.headers['im-credential-position'], /^\d+$/)
    t.match(await app.platform().call('POST', '/auths/sign/v2', {}), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
  })
})
