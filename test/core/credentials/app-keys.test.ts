import t from 'tap'
import { type CredentialKind, credentialDigest } from '#contract/credential.ts'
import { createAppKey, listAppKeys, revokeAppKey, rotateAppKey } from '../../../core/credentials/app-keys.ts'
import { createKeyUse } from '../../../core/credentials/key-use.ts'
import { createApp } from '../../../core/credentials/keys.ts'
import { eventually } from '../../support/eventually.ts'
import { startCredentialStore } from './credential-store.ts'

t.test('keys of an app', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx } = store
  await createApp(ctx, 'two')
  const isActive = async (kind: CredentialKind, secret: string) =>
    (await store.introspect({ kind, digest: credentialDigest(kind, '', secret) })).active
  const iso = (inMs: number) => new Date(store.clock() + inMs).toISOString()
  const shown = async (id: string) => (await listAppKeys(ctx, 'one')).find((key) => key.id === id)

  t.test('the secret is told once, and listed never', async (t) => {
    const { key } = await createAppKey(ctx, 'one', { kind: 'platform-key', expiresAt: iso(10_000) })
    t.ok(await isActive('platform-key', key.secret))
    t.match(await shown(key.id), {
      kind: 'platform-key',
      prefix: key.secret.slice(0, 6),
      state: 'live',
      createdAt: String,
      notBefore: null,
      expiresAt: iso(10_000),
      lastUsedAt: null,
    })
    t.notOk(JSON.stringify(await listAppKeys(ctx, 'one')).includes(key.secret))
  })

  t.test('a rotation tells gateways of both keys', async (t) => {
    const { key } = await createAppKey(ctx, 'one', { kind: 'platform-key' })
    const { key: next, position } = await rotateAppKey(ctx, 'one', key.id, { until: iso(1_000) })
    t.match((await store.feed.changesAfter(position - 2, 1_000)).changes, [
      { effect: 'granted', credentialId: key.id },
      { effect: 'granted', credentialId: next.id },
    ])
  })

  t.test('after a rotation both are good until the date, for a day where none is given', async (t) => {
    const { key: old } = await createAppKey(ctx, 'one', { kind: 'client-key' })
    const { key: next } = await rotateAppKey(ctx, 'one', old.id, { until: iso(60_000) })
    t.equal(next.kind, 'client-key')
    t.strictSame(
      [await isActive('client-key', old.secret), await isActive('client-key', next.secret)],
      [true, true],
    )
    t.match(await shown(old.id), { state: 'live', expiresAt: iso(60_000) })
    store.passes(60_000)
    t.strictSame(
      [await isActive('client-key', old.secret), await isActive('client-key', next.secret)],
      [false, true],
    )
    t.match(await shown(old.id), { state: 'expired' })

    const { key: third } = await rotateAppKey(ctx, 'one', next.id, {})
    t.match(await shown(next.id), { expiresAt: iso(86_400_000) })
    await rotateAppKey(ctx, 'one', third.id, { until: iso(-1) })
    t.match(await shown(third.id), { state: 'revoked' }, 'a date that has passed means at once')
  })

  t.test('no app can name another’s key', async (t) => {
    const { key } = await createAppKey(ctx, 'one', { kind: 'platform-key' })
    await t.rejects(revokeAppKey(ctx, 'two', key.id), { code: 'KEY_NOT_FOUND' })
    await t.rejects(rotateAppKey(ctx, 'two', key.id, {}), { code: 'KEY_NOT_FOUND' })
    t.strictSame(await listAppKeys(ctx, 'two'), [])
    t.ok(await isActive('platform-key', key.secret))
    await revokeAppKey(ctx, 'one', key.id)
    t.notOk(await isActive('platform-key', key.secret))
    await t.rejects(revokeAppKey(ctx, 'one', key.id), { code: 'KEY_NOT_FOUND' })
  })

  t.test('what cannot be meant is refused', async (t) => {
    const kind = 'client-key'
    await t.rejects(createAppKey(ctx, 'none', { kind }), { code: 'APP_NOT_FOUND' })
    await t.rejects(listAppKeys(ctx, 'none'), { code: 'APP_NOT_FOUND' })
    await t.rejects(createAppKey(ctx, 'one', { kind, expiresAt: 'soon' }), { code: 'INVALID_REQUEST' })
    await t.rejects(createAppKey(ctx, 'one', { kind, expiresAt: iso(-1) }), { code: 'INVALID_REQUEST' })
    await t.rejects(createAppKey(ctx, 'one', { kind, notBefore: iso(2_000), expiresAt: iso(1_000) }), {
      code: 'INVALID_REQUEST',
    })
  })

  t.test('use is noted at most once a minute, whatever is asked', async (t) => {
    const { key } = await createAppKey(ctx, 'one', { kind: 'platform-key' })
    let statements = 0
    const counting: typeof store.db = {
      ...store.db,
      query(name, sql, params) {
        statements += 1
        return store.db.query(name, sql, params)
      },
    }
    const use = createKeyUse(counting, store.clock)
    for (let i = 0; i < 1_000; i++) use.note('platform-key', key.id)
    t.equal(statements, 1)
    const usedAt = iso(0)
    await eventually('it is noted', async () => (await shown(key.id))?.lastUsedAt === usedAt)
    store.passes(59_999)
    use.note('platform-key', key.id)
    t.equal(statements, 1)
    store.passes(2)
    use.note('platform-key', key.id)
    t.equal(statements, 2)
    await eventually('it is noted again', async () => (await shown(key.id))?.lastUsedAt === iso(0))
  })
})
