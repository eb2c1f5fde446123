/**
 * What is known to be bad is remembered too, and that memory can be turned against us: asked for before it exists, a
 * credential would start its life refused; a flood of invented ones would push the good ones out, or the store over.
 */
import t from 'tap'
import { createApiClient } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const open = {
  env: { RATE_LIMIT_REFUSED: '1000000', RATE_LIMIT_ADDRESS: '1000000', RATE_LIMIT_CLIENT: '1000000' },
}
const me = ({ publicUrl }: TestGateway, token: string) =>
  sendRaw(
    publicUrl,
    requestText('GET /me HTTP/1.1', ['IM-Client-Key: demo_clientkey', `IM-Authorization: ${token}`]),
  )

async function followed({ core, store, metrics }: TestGateway): Promise<void> {
  core.push()
  const position = `gateway_credential_feed_position ${store.position()}`
  await eventually('the gateway has followed', async () => (await metrics()).includes(position))
}

t.test('a credential asked for before it exists is good as soon as it does', async (t) => {
  const gateway = await startGateway(t, open)
  for (let i = 0; i < 20; i++) t.equal((await me(gateway, 'expected')).status, 401)
  t.equal(gateway.core.asked('client-token'), 1, 'the refusal was remembered')
  gateway.store.bind('demo', 'expected', 'ann')
  await followed(gateway)
  t.equal((await me(gateway, 'expected')).status, 200)
})

t.test('a key asked for before it exists, likewise', async (t) => {
  const gateway = await startGateway(t, open)
  const admin = () =>
    sendRaw(gateway.publicUrl, requestText('GET /admin/clients HTTP/1.1', ['IM-API-KEY: new-key']))
  t.equal((await admin()).status, 401)
  gateway.store.addKey('platform-key', 'demo', 'new-key')
  await followed(gateway)
  t.equal((await admin()).status, 200)
})

t.test('a flood of invented credentials pushes out no good one', async (t) => {
  const gateway = await startGateway(t, open)
  t.equal((await me(gateway, 'ada-token')).status, 200)
  const flooder = createApiClient(gateway.publicUrl, { 'IM-Client-Key': 'demo_clientkey' })
  for (let batch = 0; batch < 30; batch++)
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        flooder.call('GET', '/me', undefined, { headers: { 'IM-Authorization': `invented-${batch}-${i}` } }),
      ),
    )
  const cached = /gateway_cached_credentials\{outcome="refusal"\} (\d+)/.exec(await gateway.metrics())
  t.ok(Number(cached?.[1]) > 1_000, `${cached?.[1]} refusals are kept`)
  const before = gateway.core.asked('client-token')
  t.equal((await me(gateway, 'ada-token')).status, 200)
  t.equal(gateway.core.asked('client-token'), before, 'the good one was still there')
})

t.test(
  'a herd with one unknown credential costs one lookup; a herd at a store that fails, a few',
  async (t) => {
    const gateway = await startGateway(t, open)
    const release = Promise.withResolvers<void>()
    gateway.core.beforeAnswer = ({ kind }) => (kind === 'client-token' ? release.promise : Promise.resolve())
    const herd = Array.from({ length: 100 }, () => me(gateway, 'nobody'))
    await eventually('it is asked for', () => gateway.core.asked('client-token') > 0)
    release.resolve()
    t.same(new Set((await Promise.all(herd)).map(({ status }) => status)), new Set([401]))
    t.equal(gateway.core.asked('client-token'), 1)
    gateway.core.introspection = () => ({ status: 500, body: {} })
    const failing = await Promise.all(Array.from({ length: 100 }, (_, i) => me(gateway, `unknown-${i}`)))
    t.same(new Set(failing.map(({ status }) => status)), new Set([503]), 'and never 401')
    gateway.core.introspection = undefined
    await eventually('it is asked again', async () => (await me(gateway, 'unknown-1')).status === 401)
  },
)
