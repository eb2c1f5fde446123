import t from 'tap'
import { asList } from '../support/api-client.ts'
import { onEachDatabase } from './server.ts'

const SECRET = 'a secret that is long enough for HS256'

onEachDatabase(t, async (t, server) => {
  t.test('a customer reads and changes its own app, and no other', async (t) => {
    const [app, other] = [await server.newApp(), await server.newApp()]
    const changed = await app.platform().call('PUT', '/admin/app/settings', {
      origins: ['https://shop.example'],
      authentication: { jwt: { algorithm: 'HS256', secret: SECRET } },
    })
    t.match(changed, { status: 200, RC: 0, result: { app: app.app } })
    t.match(changed.headers['im-credential-position'], /^\d+$/)
    t.notOk(changed.text.includes(SECRET))
    const read = await app.platform().call('GET', '/admin/app')
    t.match(read.result, {
      app: app.app,
      settings: {
        origins: ['https://shop.example'],
        authentication: { jwt: { algorithm: 'HS256', hasSecret: true } },
      },
    })
    t.notOk(read.text.includes(SECRET))
    t.match((await other.platform().call('GET', '/admin/app')).result, {
      app: other.app,
      settings: { origins: ['*'], authentication: null },
    })
    t.match(await app.platform().call('PUT', '/admin/app/settings', { app: other.app }), {
      status: 400,
      code: 'INVALID_REQUEST',
    })
  })

  t.test('a customer makes, lists, rotates and revokes its keys, and no other’s', async (t) => {
    const [app, other] = [await server.newApp(), await server.newApp()]
    const platform = app.platform()
    const made = await platform.call('POST', '/admin/app/keys', { kind: 'client-key' })
    t.match(made.headers['im-credential-position'], /^\d+$/)
    const { id, secret } = made.result
    const listed = await platform.call('GET', '/admin/app/keys')
    t.match(asList(listed.result), [
      { id, kind: 'client-key', state: 'live', prefix: String(secret).slice(0, 6), lastUsedAt: null },
    ])
    t.notOk(listed.text.includes(String(secret)))
    t.strictSame(asList((await other.platform().call('GET', '/admin/app/keys')).result), [])
    for (const [method, path] of [
      ['POST', `/admin/app/keys/${id}/rotate`],
      ['DELETE', `/admin/app/keys/${id}`],
    ] as const)
      t.match(await other.platform().call(method, path), { status: 404, code: 'KEY_NOT_FOUND' })

    const next = await platform.ok('POST', `/admin/app/keys/${id}/rotate`)
    t.match(next, { kind: 'client-key', secret: String })
    t.match(
      (await platform.call('DELETE', `/admin/app/keys/${id}`)).headers['im-credential-position'],
      /^\d+$/,
    )
    const states = asList(await platform.ok('GET', '/admin/app/keys')).map((key) => [key.id, key.state])
    t.strictSame(
      new Map(states as [string, string][]),
      new Map([
        [String(next.id), 'live'],
        [String(id), 'revoked'],
      ]),
    )
    t.match(await platform.call('POST', '/admin/app/keys', {}), { status: 400, code: 'MISSING_PARAMETER' })
  })

  t.test('a client reaches none of it', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    for (const [method, path] of [
      ['GET', '/admin/app'],
      ['PUT', '/admin/app/settings'],
      ['GET', '/admin/app/keys'],
      ['POST', '/admin/app/keys'],
      ['POST', '/admin/app/keys/x/rotate'],
      ['DELETE', '/admin/app/keys/x'],
    ] as const)
      t.match(await ann.call(method, path, {}), { status: 403, code: 'PERMISSION_DENIED' }, path)
  })
})
