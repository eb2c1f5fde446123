import t from 'tap'
import { type CredentialKind, credentialDigest } from '#contract/credential.ts'
import {
  changeApp,
  createApp,
  createKey,
  ensureApp,
  listKeys,
  revokeKey,
  rotateKey,
} from '../../../core/credentials/keys.ts'
import { bindToken } from '../../../core/credentials/tokens.ts'
import { currentPosition } from '../../../core/store/credential-changes.ts'
import { startCredentialStore } from './credential-store.ts'

t.test('introspection of a token', async (t) => {
  const store = await startCredentialStore(t)
  await store.addUser('ann')
  const digest = credentialDigest('client-token', 'one', 'hers')
  const bound = await bindToken(store.ctx, 'one', { userId: 'ann', token: 'hers' })

  t.test('names app, user, expiry, and the position that it is true at', async (t) => {
    t.strictSame(await store.introspect({ kind: 'client-token', digest }), {
      active: true,
      position: bound.position,
      grant: {
        kind: 'client-token',
        app: 'one',
        userId: 'ann',
        expiresAtMs: bound.token.expiresAt.getTime(),
      },
    })
  })

  t.test('says inactive of what is unknown, and that it is', async (t) => {
    const unknown = credentialDigest('client-token', 'one', 'not hers')
    t.strictSame(await store.introspect({ kind: 'client-token', digest: unknown }), {
      active: false,
      position: bound.position,
      unknown: true,
    })
  })

  t.test('finds no token under another kind', async (t) => {
    for (const kind of ['platform-key', 'client-key'] as const)
      t.notOk((await store.introspect({ kind, digest })).active)
  })

  t.test('never answers with a position later than what it read', async (t) => {
    // Whoever sees the position of a change sees the change: many readers against a writer.
    let done = false
    const tokens = Array.from({ length: 40 }, (_, i) => `t${i}`)
    const positions = new Map<string, number>()
    const writing = (async () => {
      for (const token of tokens)
        positions.set(token, (await bindToken(store.ctx, 'one', { userId: 'ann', token })).position)
      done = true
    })()
    const answers: { token: string; active: boolean; position: number }[] = []
    while (!done) {
      const token = tokens[answers.length % tokens.length] ?? ''
      const digest = credentialDigest('client-token', 'one', token)
      answers.push({ token, ...(await store.introspect({ kind: 'client-token', digest })) })
    }
    await writing
    t.ok(answers.every(({ token, active, position }) => active === position >= (positions.get(token) ?? 0)))
  })
})

t.test('keys', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx } = store
  const isActive = async (kind: CredentialKind, secret: string) =>
    (await store.introspect({ kind, digest: credentialDigest(kind, '', secret) })).active

  t.test('name their app and its settings', async (t) => {
    const { secret, position } = await createKey(ctx, 'platform-key', 'one')
    t.equal(Buffer.from(secret, 'base64').length, 32)
    const answer = await store.introspect({
      kind: 'platform-key',
      digest: credentialDigest('platform-key', '', secret),
    })
    t.strictSame(answer, {
      active: true,
      position,
      grant: {
        kind: 'platform-key',
        app: 'one',
        settings: {
          app: 'one',
          origins: ['https://one.example'],
          allowPlatformKeyFromBrowser: false,
          platformSources: [],
        },
        expiresAtMs: undefined,
      },
    })
    t.notOk(await isActive('client-key', secret), 'a platform key is no client key')
  })

  t.test('a secret is shown once: only its digest is kept', async (t) => {
    const { secret } = await createKey(ctx, 'client-key', 'one')
    const rows = await store.db.query('', 'SELECT client_keys::text AS row FROM client_keys')
    t.notOk(rows.some(({ row }) => String(row).includes(secret)))
    const [newest] = await listKeys(ctx, 'client-key', 'one')
    t.equal(newest?.prefix, secret.slice(0, 6))
  })

  t.test('a revoked key is refused, and gateways are told', async (t) => {
    const key = await createKey(ctx, 'platform-key', 'one')
    const { position } = await revokeKey(ctx, 'platform-key', 'one', key.credentialId)
    t.notOk(await isActive('platform-key', key.secret))
    const { changes } = await store.feed.changesAfter(position - 1, 1_000)
    t.match(changes, [{ subject: 'credential', effect: 'revoked', credentialId: key.credentialId }])
    await t.rejects(revokeKey(ctx, 'platform-key', 'one', key.credentialId), { code: 'KEY_NOT_FOUND' })
  })

  t.test('rotation leaves the old key for a while', async (t) => {
    const old = await createKey(ctx, 'platform-key', 'one')
    const next = await rotateKey(ctx, 'platform-key', 'one', old.credentialId, 60_000)
    t.ok(await isActive('platform-key', old.secret))
    t.ok(await isActive('platform-key', next.secret))
    store.passes(60_000)
    t.notOk(await isActive('platform-key', old.secret))
    t.ok(await isActive('platform-key', next.secret))
  })

  t.test('a key is valid from its beginning to its end', async (t) => {
    const at = (ms: number) => new Date(store.clock() + ms)
    const { secret } = await createKey(ctx, 'client-key', 'one', {
      notBefore: at(1_000),
      expiresAt: at(2_000),
    })
    t.notOk(await isActive('client-key', secret))
    store.passes(1_000)
    t.ok(await isActive('client-key', secret))
    store.passes(1_000)
    t.notOk(await isActive('client-key', secret))
  })

  t.test('belong to an app', async (t) => {
    await t.rejects(createKey(ctx, 'client-key', 'none'), { code: 'APP_NOT_FOUND' })
    await createApp(ctx, 'other')
    const key = await createKey(ctx, 'client-key', 'one')
    await t.rejects(revokeKey(ctx, 'client-key', 'other', key.credentialId), { code: 'KEY_NOT_FOUND' })
    t.ok(await isActive('client-key', key.secret))
  })

  t.test('ensuring an app and its keys changes nothing the second time', async (t) => {
    const bootstrap = { app: 'ensured', clientKey: 'a client key', platformKey: 'a platform key' }
    await ensureApp(ctx, bootstrap)
    const position = await currentPosition(store.db)
    await ensureApp(ctx, bootstrap)
    t.equal(await currentPosition(store.db), position)
    t.ok(await isActive('client-key', 'a client key'))
    t.ok(await isActive('platform-key', 'a platform key'))
    const [key] = await listKeys(ctx, 'client-key', 'ensured')
    t.equal(key?.prefix, '', 'nothing of a chosen key is kept')
    await t.rejects(ensureApp(ctx, { ...bootstrap, app: 'thief' }), /belongs to another app/)
    t.notOk((await store.db.query('', `SELECT 1 FROM apps WHERE id = 'thief'`)).length)
  })

  t.test('cores that start together ensure an app once', async (t) => {
    const bootstrap = { app: 'together', clientKey: 'c-together', platformKey: 'p-together' }
    await Promise.all([1, 2, 3].map(() => ensureApp(ctx, bootstrap)))
    t.equal((await listKeys(ctx, 'platform-key', 'together')).length, 1)
  })
})

t.test('the default app', async (t) => {
  const store = await startCredentialStore(t)
  const request = { kind: 'default-app' as const, digest: credentialDigest('default-app', '', '') }
  t.match(await store.introspect(request), { active: true, grant: { kind: 'default-app', app: 'one' } })

  const changed = await changeApp(store.ctx, 'one', { origins: [] })
  t.match(await store.introspect(request), { grant: { settings: { origins: [] } } })
  t.match((await store.feed.changesAfter(changed.position - 1, 1_000)).changes, [
    { subject: 'app', app: 'one' },
  ])

  const { position } = await createApp(store.ctx, 'two')
  t.match(await store.introspect(request), { active: false }, 'with two apps there is none')
  const { changes } = await store.feed.changesAfter(changed.position, 1_000)
  t.match(
    changes,
    [
      { subject: 'app', app: 'one' },
      { position, subject: 'app', app: 'two' },
    ],
    'both have changed',
  )
  await t.rejects(createApp(store.ctx, 'two'), { code: 'APP_EXISTS' })
  await t.rejects(createApp(store.ctx, 'Not An Id'), { code: 'INVALID_REQUEST' })
  await t.rejects(changeApp(store.ctx, 'three', {}), { code: 'APP_NOT_FOUND' })
})
