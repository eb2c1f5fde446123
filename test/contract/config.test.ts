import t from 'tap'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase, startContractServer } from './server.ts'

onEachDatabase(t, async (t, server) => {
  t.test('a configuration is merged key by key, and read by every client', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    t.same(await app.user('ann').ok('GET', '/config'), {})
    const first = { announcement: { text: 'x', pin: true }, featureFlags: { a: [1] } }
    t.same(await platform.ok('POST', '/config', first), first)
    t.same(await platform.ok('POST', '/config', { announcement: { text: 'y' }, n: null }), {
      announcement: { text: 'y' },
      featureFlags: { a: [1] },
      n: null,
    })
    t.same(await platform.ok('DELETE', '/config/featureFlags'), {})
    t.same(await app.user('ann').ok('GET', '/config'), { announcement: { text: 'y' }, n: null })
    t.match(await platform.call('DELETE', '/config/featureFlags'), { status: 404, code: 'CONFIG_NOT_FOUND' })
    t.match(await app.user('ann').call('POST', '/config', { a: 1 }), { status: 403 })
    t.match(await app.user('ann').call('DELETE', '/config/n'), { status: 403, code: 'PERMISSION_DENIED' })
  })

  t.test('a configuration that could not be used is refused', async (t) => {
    const app = await server.newApp()
    const post = (body: unknown) => app.platform().call('POST', '/config', body)
    const badFormat = { status: 400, code: 'INVALID_CONFIG_FORMAT' }
    for (const censorship of [null, 'x', [], { keywords: 'x' }, { keywords: [1] }])
      t.match(await post({ censorship }), Array.isArray(censorship) ? { status: 200 } : badFormat)
    t.match(await post({ censorship: { keywords: ['x'.repeat(65)] } }), badFormat)
    t.match(await post({ censorship: { keywords: Array(2_001).fill('x') } }), badFormat)
    t.match(await post(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, i]))), badFormat)
    for (const body of [[], 'text', null, 7]) t.match(await post(body), { status: 400 })
  })

  t.test('sensitive words are masked in what is sent and edited, and at once', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann', 'bob')
    const path = `/rooms/${room}/message`
    await ann.ok('POST', path, { message: 'a darn thing' })
    await app.platform().ok('POST', '/config', { censorship: { keywords: ['darn', '笨蛋'] } })
    const sent = await ann.ok('POST', path, { message: 'darn it, Darn 笨蛋!' })
    t.match(sent, { message: '**** it, Darn **!' })
    t.match(app.takeEvents().at(-1), { message: { message: '**** it, Darn **!' } })
    t.match(await ann.ok('POST', path, { _id: sent._id, message: 'darn' }), { message: '****' })
    t.match(await ann.ok('POST', path, { messageType: 'encrypted', message: 'darn' }), { message: 'darn' })
    t.match(await ann.ok('POST', path, { message: { darn: 'darn' } }), { message: { darn: 'darn' } })
    t.match(await app.platform().ok('POST', '/messages', { room, message: 'darn' }), { message: '****' })
    t.match(asList(await ann.ok('GET', `/rooms/${room}/messages`)).at(-1), { message: 'a darn thing' })
    await app.platform().ok('DELETE', '/config/censorship')
    t.match(await ann.ok('POST', path, { message: 'darn' }), { message: 'darn' })
  })

  t.test('an app may ask for invitations where its deployment does not', async (t) => {
    const app = await server.newApp()
    await app.platform().ok('POST', '/config', { invitationRequired: 1 })
    const room = await app.user('ann').ok('POST', '/rooms/createAndJoin', { invitee: 'bob' })
    t.equal(asList(room.members).length, 1)
    t.match(await app.user('eve').call('POST', `/rooms/${room._id}/join`), { status: 403 })
    t.equal((await app.user('bob').call('POST', `/rooms/${room._id}/join`)).status, 200)
    const other = await server.newApp()
    const open = await other.user('ann').ok('POST', '/rooms/createAndJoin', { invitee: 'bob' })
    t.equal(asList(open.members).length, 2, 'another app is another matter')
  })
})

t.test('what another core configured holds after a few seconds', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const app = await server.newApp()
  const room = await groupOf(app, 'ann')
  const send = () => app.user('ann').ok('POST', `/rooms/${room}/message`, { message: 'darn' })
  t.match(await send(), { message: 'darn' })
  await server.chat.db.query(
    '',
    `INSERT INTO app_config (app, key, content, updated_at) VALUES ($1, 'censorship', $2, now())`,
    [app.app, JSON.stringify({ keywords: ['darn'] })],
  )
  t.match(await send(), { message: 'darn' })
  server.advance(5_001)
  t.match(await send(), { message: '****' })
})
