import type { JWTPayload } from 'jose'
import t from 'tap'
import { answerByToken, answerJson, startAuthService } from '../gateway/authn/auth-service.ts'
import { SECRET, signHs256 } from '../gateway/authn/jwt-issuer.ts'
import { createApiClient } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { connectSocket, fromBase64 } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const nowS = () => Math.floor(Date.now() / 1_000)

t.test('an app that signs its users’ tokens itself', async (t) => {
  const stack = await startStack(t)
  const { platform } = stack
  const sign = (id: string, more: JWTPayload = {}) =>
    signHs256({ id, iat: nowS(), exp: nowS() + 600, ...more })
  const early = await sign('ann')
  t.match(await stack.as(early).call('GET', '/me'), { status: 401 })
  await platform.ok('PUT', '/admin/app/settings', {
    authentication: { jwt: { algorithm: 'HS256', secret: SECRET } },
  })

  t.test('needs no call of ours to let a user in: the user is made of the token', async (t) => {
    t.match(await stack.as(early).ok('GET', '/me'), { id: 'ann' }, 'at once, though it was refused before')
    const bob = stack.as(await sign('bob', { nickname: 'Bob', avatarUrl: 'https://a.example/b.png' }))
    t.match(await bob.ok('GET', '/me'), { id: 'bob', nickname: 'Bob', avatarUrl: 'https://a.example/b.png' })
    t.match(await bob.ok('POST', '/rooms/createAndJoin', { _id: 'r', invitee: 'ann' }), { _id: 'r' })
    await stack.as(await sign('bob', { nickname: 'Robert' })).ok('GET', '/me')
    t.match(await bob.ok('GET', '/me'), { nickname: 'Robert' }, 'a later token overwrites the profile')
  })

  t.test('signs its users’ sockets in too, and logging out ends them', async (t) => {
    const token = await sign('cat')
    const socket = connectSocket(t, 4, stack.url, { reconnection: false })
    await socket.connected
    await socket.ask('conf', { encoding: 'base64' })
    const credentials = { CLIENT_KEY: stack.keys.clientKey, Authorization: token }
    t.match(fromBase64(await socket.ask('auth2', token, credentials)), { RC: 0, result: { client: 'cat' } })
    const cat = stack.as(token)
    await cat.ok('POST', '/me/logout')
    await socket.disconnected
    t.match(await cat.call('GET', '/me'), { status: 401 }, 'though it verifies still')
    t.match(await stack.as(await sign('cat', { jti: 'next' })).ok('GET', '/me'), { id: 'cat' })
  })

  t.test('has one token, or all of a user’s, revoked', async (t) => {
    const [one, two] = [await sign('dan', { jti: '1' }), await sign('dan', { jti: '2' })]
    await stack.as(one).ok('GET', '/me')
    await stack.as(two).ok('GET', '/me')
    await platform.ok('DELETE', '/admin/clients/dan/token', { token: one })
    t.match(await stack.as(one).call('GET', '/me'), { status: 401 })
    t.match(await stack.as(two).call('GET', '/me'), { status: 200 })
    await platform.ok('DELETE', '/admin/clients/dan/token', {})
    t.match(await stack.as(two).call('GET', '/me'), { status: 401 })
    t.match(await stack.as(await sign('dan', { iat: nowS() + 2, jti: '3' })).call('GET', '/me'), {
      status: 200,
    })
  })

  t.test('has a user shut out by an operator', async (t) => {
    const eve = stack.as(await sign('eve'))
    await eve.ok('GET', '/me')
    const operator = createApiClient(stack.cores[0]?.adminUrl ?? '', {})
    const path = `/apps/${stack.keys.app}/users/eve`
    t.equal((await operator.call('POST', `${path}/disable`)).status, 200)
    await eventually('she is shut out', async () => (await eve.call('GET', '/me')).status === 401)
    t.match(await stack.as(await sign('eve', { jti: 'again' })).call('GET', '/me'), { status: 401 })
  })

  t.test('rotates its platform key and both work; the revoked one is refused at once', async (t) => {
    const made = await platform.ok('POST', '/admin/app/keys', { kind: 'platform-key' })
    const next = stack.client({ 'IM-API-KEY': String(made.secret) })
    t.match(await next.ok('GET', '/admin/app'), { app: stack.keys.app })
    const rotated = await next.ok('POST', `/admin/app/keys/${made.id}/rotate`, {})
    const third = stack.client({ 'IM-API-KEY': String(rotated.secret) })
    t.match(
      [await next.call('GET', '/admin/app'), await third.call('GET', '/admin/app')],
      [{ status: 200 }, { status: 200 }],
    )
    await third.ok('DELETE', `/admin/app/keys/${made.id}`)
    t.match(await next.call('GET', '/admin/app'), { status: 401 })
    t.match(await third.call('GET', '/admin/app'), { status: 200 })
  })

  t.test('finds its secrets in no log', async (t) => {
    t.notOk(stack.logs().includes(SECRET))
  })
})

t.test('a deployment with a central auth service', async (t) => {
  const service = await startAuthService(t, answerByToken)
  const stack = await startStack(t, { coreEnv: { AUTH: `${service.url}/` } })
  t.match(await stack.as('token-of-ann').ok('GET', '/me'), { id: 'ann' })
  t.match(await stack.as('stolen').call('GET', '/me'), { status: 401 })
  service.respond = answerJson({}, 500)
  t.match(await stack.as('token-of-bob').call('GET', '/me'), { status: 503 })
  t.match(await stack.as('token-of-ann').call('GET', '/me'), { status: 200 })
  const { token } = await stack.createUser('own', { token: 'bound by the customer' })
  t.match(await stack.as(token).ok('GET', '/me'), { id: 'own' }, 'rows need no service')
})
