import t from 'tap'
import { asList } from '../support/api-client.ts'
import { connectSocket, fromBase64 } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { platform, keys } = stack
const PLATFORM_FORMS = { 'IM-API-KEY': keys.platformKey }
const LEGACY_PLATFORM_FORM = { API_KEY: keys.platformKey }

for (const [name, headers] of Object.entries({ new: PLATFORM_FORMS, legacy: LEGACY_PLATFORM_FORM })) {
  t.test(
    `with the ${name} header a customer's server creates a user that has the customer's own token`,
    async (t) => {
      const id = `own-${name}`
      const token = `customer token/${name}+=`
      const created = await stack
        .client(headers)
        .ok('POST', '/admin/clients', { _id: id, nickname: 'Own', token })
      t.match(created, { _id: id, id, nickname: 'Own' })
      t.match(await stack.as(token).ok('GET', '/me'), { _id: id, id })
    },
  )

  t.test(`with the ${name} header a customer's server creates a user and is issued a token`, async (t) => {
    const id = `issued-${name}`
    const created = await stack
      .client(headers)
      .ok('POST', '/admin/clients', { _id: id, issueAccessToken: true })
    const token = String(created.token)
    t.ok(Date.parse(String(created.expirationDate)) > Date.now())
    // Web clients read their own user id out of the token.
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    t.equal(claims.id, id)
    t.match(await stack.as(token).ok('GET', '/me'), { _id: id })
  })
}

t.test('a token that was refused before it was bound is good at once after', async (t) => {
  const token = 'tried-too-early'
  t.equal((await stack.as(token).call('GET', '/me')).status, 401)
  await stack.createUser('late-bound')
  await platform.ok('PUT', '/admin/clients/late-bound/token/', { token })
  t.match(await stack.as(token).ok('GET', '/me'), { _id: 'late-bound' })
})

t.test('binding adds a token, and the old one lasts until it is revoked', async (t) => {
  const { id, token, api } = await stack.createUser('rotating', { token: 'rotating-1' })
  const bound = await platform.ok('PUT', `/admin/clients/${id}/token`, { token: 'rotating-2' })
  t.match(bound, { token: 'rotating-2', client: id, expirationDateMS: Number })
  t.equal((await api.call('GET', '/me')).status, 200)
  const revoked = await platform.ok('DELETE', `/admin/clients/${id}/token`, { token })
  t.same(
    asList(revoked).map((row) => row.token),
    [token],
  )
  const refused = await api.call('GET', '/me')
  t.match(refused, { status: 401, RC: 401, code: 'INVALID_TOKEN' })
  t.match(await stack.as('rotating-2').ok('GET', '/me'), { _id: id })
})

t.test('the request after a revocation is refused, every time', async (t) => {
  for (let round = 0; round < 20; round++) {
    const token = `short-lived-${round}`
    const { id, api } = await stack.createUser('short-lived', { token })
    await api.ok('GET', '/me')
    await platform.ok('DELETE', `/admin/clients/${id}/token/`, { token })
    t.equal((await api.call('GET', '/me')).status, 401, `round ${round}`)
  }
})

t.test('revoking without naming a token revokes all that the user has', async (t) => {
  const { id } = await stack.createUser('many', { token: 'many-1' })
  await platform.ok('PUT', `/admin/clients/${id}/token`, { token: 'many-2' })
  await platform.ok('DELETE', `/admin/clients/${id}/token`)
  for (const token of ['many-1', 'many-2']) t.equal((await stack.as(token).call('GET', '/me')).status, 401)
})

t.test('a revoked token loses its socket, another token of the same user keeps its own', async (t) => {
  const { id } = await stack.createUser('two-devices', { token: 'device-1' })
  await platform.ok('PUT', `/admin/clients/${id}/token`, { token: 'device-2' })
  const sockets = await Promise.all(
    ['device-1', 'device-2'].map(async (token) => {
      const socket = connectSocket(t, 4, stack.url, { reconnection: false })
      await socket.connected
      await socket.ask('conf', { encoding: 'base64' })
      const credentials = { CLIENT_KEY: keys.clientKey, Authorization: token }
      t.match(fromBase64(await socket.ask('auth2', token, credentials)), { RC: 0, result: { client: id } })
      return socket
    }),
  )
  await platform.ok('DELETE', `/admin/clients/${id}/token`, { token: 'device-1' })
  await sockets[0]?.disconnected
  t.equal(sockets[1]?.isConnected(), true)
  await sockets[1]?.ask('conf', { encoding: 'base64' })
})

t.test('a user who logs out revokes the token in use', async (t) => {
  const { api } = await stack.createUser('leaving')
  await api.ok('POST', '/me/logout')
  t.equal((await api.call('GET', '/me')).status, 401)
})

t.test("a token that another user holds is refused with 409 and stays that user's", async (t) => {
  const { api } = await stack.createUser('holder', { token: 'held' })
  await stack.createUser('taker')
  t.match(await platform.call('PUT', '/admin/clients/taker/token', { token: 'held' }), {
    status: 409,
    RC: 409,
  })
  t.match(await api.ok('GET', '/me'), { _id: 'holder' })
})

t.test('a wrong platform key is refused even where a good token stands beside it', async (t) => {
  const { api } = await stack.createUser('beside')
  const both = stack.client({ ...api.headers, 'IM-API-KEY': 'wrong' })
  t.match(await both.call('GET', '/me'), { status: 401, RC: 401, code: 'INVALID_API_KEY' })
})

t.test('client tokens do not reach what is for platform keys', async (t) => {
  const { api } = await stack.createUser('ordinary')
  const calls: [string, string][] = [
    ['GET', '/admin/clients'],
    ['POST', '/admin/clients'],
    ['PUT', '/admin/clients/ordinary/token'],
    ['DELETE', '/admin/clients/ordinary/token'],
    ['GET', '/auths/token'],
    ['GET', '/auths/tokens'],
    ['POST', '/messages'],
    ['GET', '//admin/clients'],
    ['GET', '/x/../admin/clients'],
    ['GET', '/%61dmin/clients'],
  ]
  for (const [method, path] of calls) {
    const { status } = await api.call(method, path, method === 'GET' ? undefined : { _id: 'x', token: 'x' })
    t.ok([400, 403, 404].includes(status), `${method} ${path} answered ${status}`)
  }
})

t.test('a platform key reaches every kind of endpoint, and acts for the user it names', async (t) => {
  await stack.createUser('acted-for', { nickname: 'Acted' })
  await stack.createUser('acted-with')
  const acting = stack.client({ 'IM-API-KEY': keys.platformKey, 'IM-Client-ID': 'acted-for' })
  t.match(await acting.ok('GET', '/me'), { _id: 'acted-for' })
  t.match(await platform.call('GET', '/me'), { status: 400, RC: 400 })

  const room = await acting.ok('POST', '/rooms/createAndJoin', {
    roomType: 'group',
    name: 'g',
    invitee: 'acted-with',
  })
  const path = `/rooms/${room._id}`
  t.match(await platform.ok('GET', path), { _id: room._id })
  const sent = await acting.ok('POST', `${path}/message`, { messageType: 'text', message: 'hi' })
  t.match(sent, { sender: { _id: 'acted-for' } })
  t.match(await platform.ok('GET', `${path}/messages/v3`), { totalCount: 1 })
  t.ok(Number((await platform.ok('GET', '/rooms')).totalCount) >= 1)
  t.match(await acting.ok('GET', '/rooms'), { totalCount: 1 })
  t.match(await platform.ok('PUT', path, { name: 'renamed' }), { name: 'renamed' })
  t.ok(Number((await platform.ok('GET', '/admin/clients')).totalCount) >= 2)
})

t.test('a platform key that comes with an Origin is refused', async (t) => {
  const browser = stack.client({ ...PLATFORM_FORMS, Origin: 'https://somewhere.example' })
  t.match(await browser.call('GET', '/admin/clients'), { status: 403, code: 'PLATFORM_KEY_FROM_BROWSER' })
})
