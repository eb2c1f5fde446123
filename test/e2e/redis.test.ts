import { Redis } from 'ioredis'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { redisCredentialKey } from '#contract/internal.ts'
import { eventually } from '../support/eventually.ts'
import { startRecordingProxy } from '../support/recording-proxy.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t, { redis: true, gateways: 0 })
const internal = await startRecordingProxy(t, String(stack.cores[0]?.internalUrl))
const first = await stack.addGateway({ CORE_INTERNAL_URL: internal.url })
const second = await stack.addGateway({ CORE_INTERNAL_URL: internal.url })
const { app, clientKey, platformKey } = stack.keys
const platform = stack.client({ 'IM-API-KEY': platformKey }, first.url)
const redis = new Redis(String(stack.redis?.url))
t.teardown(() => redis.disconnect())

const digestOf = (token: string) => credentialDigest('client-token', app, token)
const introspectionsOf = (token: string) =>
  internal.passed.filter(({ url, body }) => url.startsWith('/introspect') && body.includes(digestOf(token)))
    .length

const meAt = (url: string, token: string) => stack.as(token, url).call('GET', '/me')

t.test(
  'a token that one gateway has looked up, another takes from Redis without asking the core',
  async (t) => {
    const token = 'shared-through-redis'
    await platform.ok('POST', '/admin/clients', { _id: 'shared', token })
    t.equal((await meAt(first.url, token)).status, 200)
    const key = redisCredentialKey('client-token', digestOf(token))
    await eventually('the token is in Redis', async () => (await redis.exists(key)) === 1)
    const before = introspectionsOf(token)
    t.ok(before <= 1)
    t.equal((await meAt(second.url, token)).status, 200)
    t.equal(introspectionsOf(token), before)
  },
)

t.test('a herd that comes with one token nobody has looked up costs one read of the store', async (t) => {
  const token = 'herd'
  await platform.ok('POST', '/admin/clients', { _id: 'herd', token })
  const key = redisCredentialKey('client-token', digestOf(token))
  await eventually('the core has told Redis', async () => (await redis.exists(key)) === 1)
  await redis.del(key)
  const answers = await Promise.all(Array.from({ length: 60 }, () => meAt(second.url, token)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(introspectionsOf(token), 1)
})

t.test('a herd with a token that does not exist costs one read too, and is refused', async (t) => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => meAt(second.url, 'nobody-has-it')))
  t.same(new Set(answers.map(({ status }) => status)), new Set([401]))
  t.ok(introspectionsOf('nobody-has-it') <= 1)
})

t.test('a revocation through one gateway reaches the requests and the sockets of both', async (t) => {
  const token = 'revoked-everywhere'
  await platform.ok('POST', '/admin/clients', { _id: 'everywhere', token })
  const sockets = await Promise.all(
    [first, second].map(async ({ url }) => {
      t.equal((await meAt(url, token)).status, 200)
      const socket = connectSocket(t, 4, url, { reconnection: false })
      await socket.connected
      t.match(await socket.ask('auth2', token, { CLIENT_KEY: clientKey, Authorization: token }), { RC: 0 })
      return socket
    }),
  )
  await platform.ok('DELETE', '/admin/clients/everywhere/token', { token })
  t.equal((await meAt(first.url, token)).status, 401, 'at once where it was revoked')
  await eventually(
    'the second gateway refuses it',
    async () => (await meAt(second.url, token)).status === 401,
    2_000,
  )
  for (let round = 0; round < 20; round++)
    t.equal((await meAt(second.url, token)).status, 401, 'and it stays refused')
  await Promise.all(sockets.map((socket) => socket.disconnected))
})

t.test('without an answer from Redis the gateways go on with the core', async (t) => {
  await platform.ok('POST', '/admin/clients', { _id: 'partitioned', token: 'partitioned' })
  stack.redis?.pause()
  t.teardown(() => stack.redis?.resume())
  t.equal((await meAt(second.url, 'partitioned')).status, 200)
  t.equal((await meAt(second.url, 'not-a-token')).status, 401)
  stack.redis?.resume()
})

t.test('without Redis at all a revocation still reaches both gateways', async (t) => {
  await platform.ok('POST', '/admin/clients', { _id: 'redisless', token: 'redisless' })
  for (const { url } of [first, second]) t.equal((await meAt(url, 'redisless')).status, 200)
  await stack.redis?.stop()
  await platform.ok('DELETE', '/admin/clients/redisless/token', { token: 'redisless' })
  t.equal((await meAt(first.url, 'redisless')).status, 401)
  await eventually(
    'the second refuses it',
    async () => (await meAt(second.url, 'redisless')).status === 401,
    2_000,
  )
})
