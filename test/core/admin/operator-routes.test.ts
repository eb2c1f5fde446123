import { PassThrough } from 'node:stream'
import { Registry } from 'prom-client'
import t from 'tap'
import { type CredentialKind, credentialDigest } from '#contract/credential.ts'
import { buildAdminServer } from '../../../core/admin/server.ts'
import { bindToken } from '../../../core/credentials/tokens.ts'
import { createLog } from '../../../core/observe/log.ts'
import { createReadiness } from '../../../core/observe/readiness.ts'
import { createApiClient } from '../../support/api-client.ts'
import type { Scope } from '../../support/child-process.ts'
import { openRaw } from '../../support/raw-http.ts'
import { startCredentialStore } from '../credentials/credential-store.ts'

async function startAdmin(t: Scope, adminToken?: string) {
  const store = await startCredentialStore(t)
  const logged: string[] = []
  const sink = new PassThrough().on('data', (line) => logged.push(String(line)))
  const server = buildAdminServer({
    readiness: createReadiness(store.db, store.clock),
    nodeId: 'node-1',
    registry: new Registry(),
    credentials: store.ctx,
    adminToken,
    log: createLog('debug', sink),
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  return { store, url, api: createApiClient(url, {}), log: () => logged.join('') }
}

t.test('operators', async (t) => {
  const { store, api, log } = await startAdmin(t)
  const isActive = async (kind: CredentialKind, secret: unknown) =>
    (await store.introspect({ kind, digest: credentialDigest(kind, '', String(secret)) })).active

  t.test('make apps, list them, and read and change their settings', async (t) => {
    const made = await api.call('POST', '/apps', {
      app: 'two',
      settings: { origins: ['https://two.example'] },
    })
    t.match(made, { status: 201, body: { app: 'two', settings: { origins: ['https://two.example'] } } })
    t.match(await api.call('POST', '/apps', { app: 'two' }), { status: 409, code: 'APP_EXISTS' })
    t.match(await api.call('POST', '/apps', { app: 'No App' }), { status: 400, code: 'INVALID_REQUEST' })
    t.match(await api.call('POST', '/apps', {}), { status: 400, code: 'MISSING_PARAMETER' })
    t.match(await api.call('GET', '/apps'), { body: { apps: [{ app: 'one' }, { app: 'two' }] } })
    t.match(await api.call('GET', '/apps?after=one&limit=1'), { body: { apps: [{ app: 'two' }] } })
    t.match(await api.call('PUT', '/apps/two/settings', { allowPlatformKeyFromBrowser: true }), {
      body: { settings: { origins: ['https://two.example'], allowPlatformKeyFromBrowser: true } },
    })
    t.match(await api.call('GET', '/apps/two'), { body: { settings: { allowPlatformKeyFromBrowser: true } } })
    t.match(await api.call('GET', '/apps/none'), { status: 404, code: 'APP_NOT_FOUND' })
  })

  t.test('make, list, rotate and revoke keys', async (t) => {
    const made = await api.call('POST', '/apps/one/keys', { kind: 'platform-key' })
    t.match(made, { status: 201, body: { kind: 'platform-key', id: String, secret: String } })
    const { id, secret } = made.body
    t.ok(await isActive('platform-key', secret))
    t.match((await api.call('GET', '/apps/one/keys')).body, { keys: [{ id, state: 'live' }] })
    const rotated = await api.call('POST', `/apps/one/keys/${id}/rotate`, {
      until: new Date(store.clock() + 60_000).toISOString(),
    })
    t.equal(rotated.status, 201)
    t.ok((await isActive('platform-key', secret)) && (await isActive('platform-key', rotated.body.secret)))
    t.match(await api.call('DELETE', `/apps/two/keys/${id}`), { status: 404, code: 'KEY_NOT_FOUND' })
    t.match(await api.call('DELETE', `/apps/one/keys/${id}`), { status: 200 })
    t.notOk(await isActive('platform-key', secret))
    t.match(await api.call('POST', '/apps/one/keys', { kind: 'master-key' }), { status: 400 })
    t.notOk(log().includes(String(secret)) || log().includes(String(rotated.body.secret)))
    t.ok(log().includes(String(id)), 'who did what is on record')
  })

  t.test('shut users out and let them in again', async (t) => {
    await store.addUser('ann@x/y')
    await bindToken(store.ctx, 'one', { userId: 'ann@x/y', token: 'hers' })
    const digest = credentialDigest('client-token', 'one', 'hers')
    const isGood = async () => (await store.introspect({ kind: 'client-token', digest })).active
    const path = `/apps/one/users/${encodeURIComponent('ann@x/y')}`
    t.equal((await api.call('POST', `${path}/disable`)).status, 200)
    t.notOk(await isGood())
    t.equal((await api.call('POST', `${path}/enable`)).status, 200)
    t.ok(await isGood())
    t.match(await api.call('POST', '/apps/two/users/ann/disable'), { status: 404, code: 'CLIENT_NOT_FOUND' })
  })
})

t.test('the operators’ API', async (t) => {
  t.test('without a token is for this machine’s own processes, and no web page is one', async (t) => {
    const { api, url } = await startAdmin(t)
    t.equal((await api.call('GET', '/apps')).status, 200)
    for (const origin of ['https://evil.example', 'null', url])
      t.match(
        await api.call('POST', '/apps', { app: 'evil' }, { headers: { origin } }),
        { status: 403, code: 'PERMISSION_DENIED' },
        origin,
      )
    const { port } = new URL(url)
    for (const [host, status] of [
      [`evil.example:${port}`, 403],
      [`localhost.evil.example:${port}`, 403],
      [`localhost:${port}`, 200],
      [`[::1]:${port}`, 200],
    ] as const) {
      const connection = await openRaw(url)
      connection.write(`GET /apps HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      t.equal((await connection.response()).status, status, host)
      connection.destroy()
    }
  })

  t.test('with a token is for who knows it', async (t) => {
    const { api, log } = await startAdmin(t, 'the-token-of-an-operator')
    const as = (authorization: string) => api.call('GET', '/apps', undefined, { headers: { authorization } })
    t.match(await api.call('GET', '/apps'), { status: 401, code: 'UNAUTHORIZED' })
    t.match(await as('Bearer wrong'), { status: 401 })
    t.match(await as('the-token-of-an-operator'), { status: 401 }, 'it is a bearer token')
    t.match(await as('Bearer the-token-of-an-operator'), { status: 200 })
    t.match(await api.call('GET', '/readyz'), { status: 200 }, 'probes need none')
    t.notOk(log().includes('wrong'))
  })
})
