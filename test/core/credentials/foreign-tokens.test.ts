import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { changeSettings } from '../../../core/credentials/app-settings.ts'
import { createDelegatedSigning } from '../../../core/credentials/delegated-signing.ts'
import { disableUser, enableUser } from '../../../core/credentials/disablement.ts'
import { createApp } from '../../../core/credentials/keys.ts'
import { provisionUser } from '../../../core/credentials/provision.ts'
import { signIn } from '../../../core/credentials/sign-in.ts'
import { bindToken, listTokens, revokeTokens } from '../../../core/credentials/tokens.ts'
import { currentPosition } from '../../../core/store/credential-changes.ts'
import { findUsers } from '../../../core/store/users.ts'
import { startCredentialStore } from './credential-store.ts'

const SECRET = 'a secret that is long enough for HS256'
const authentication = { jwt: { algorithm: 'HS256', secret: SECRET } }

t.test('provisioning', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx, db } = store
  const userOf = async (id: string, app = 'one') => (await findUsers(db, app, [id]))[0]
  const updatedAt = async (id: string) =>
    (
      await db.query<{ at: Date }>('', 'SELECT updated_at AS at FROM users WHERE id = $1', [id])
    )[0]?.at.getTime()

  t.test('creates a user, and overwrites of its profile what is given', async (t) => {
    t.match(await provisionUser(ctx, { app: 'one', userId: 'ann', nickname: 'Ann' }), { allowed: true })
    t.match(await userOf('ann'), { nickname: 'Ann', avatarUrl: undefined })
    await provisionUser(ctx, { app: 'one', userId: 'ann', avatarUrl: 'https://a.example/a.png' })
    t.match(await userOf('ann'), { nickname: 'Ann', avatarUrl: 'https://a.example/a.png' })
    await provisionUser(ctx, { app: 'one', userId: 'ann', nickname: 'Anna' })
    t.match(await userOf('ann'), { nickname: 'Anna', avatarUrl: 'https://a.example/a.png' })
  })

  t.test('writes nothing where nothing has changed', async (t) => {
    const before = await updatedAt('ann')
    const position = await currentPosition(db)
    store.passes(1_000)
    t.strictSame(await provisionUser(ctx, { app: 'one', userId: 'ann', nickname: 'Anna' }), {
      position,
      allowed: true,
    })
    await provisionUser(ctx, { app: 'one', userId: 'ann' })
    t.equal(await updatedAt('ann'), before)
  })

  t.test('of one new user by many gateways at one time makes one', async (t) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => provisionUser(ctx, { app: 'one', userId: 'new', nickname: 'New' })),
    )
    t.ok(answers.every(({ allowed }) => allowed))
    t.match(await userOf('new'), { nickname: 'New' })
  })

  t.test('refuses a disabled user and leaves it as it was', async (t) => {
    await disableUser(ctx, 'one', 'ann')
    t.match(await provisionUser(ctx, { app: 'one', userId: 'ann', nickname: 'Mallory' }), { allowed: false })
    t.match(await userOf('ann'), { nickname: 'Anna' })
    await enableUser(ctx, 'one', 'ann')
    t.match(await provisionUser(ctx, { app: 'one', userId: 'ann' }), { allowed: true })
  })

  t.test('is of one app: the same id elsewhere is another user', async (t) => {
    await createApp(ctx, 'two')
    await disableUser(ctx, 'one', 'ann')
    t.match(await provisionUser(ctx, { app: 'two', userId: 'ann', nickname: 'Two' }), { allowed: true })
    t.match(await userOf('ann'), { nickname: 'Anna' })
    t.match(await userOf('ann', 'two'), { nickname: 'Two' })
    await t.rejects(provisionUser(ctx, { app: 'none', userId: 'ann' }), { code: 'APP_NOT_FOUND' })
    await enableUser(ctx, 'one', 'ann')
  })
})

t.test('revocation of tokens that are no rows', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx, introspect } = store
  await store.addUser('ann')
  await changeSettings(ctx, 'one', { authentication })
  const ask = (token: string) =>
    introspect({ kind: 'client-token', digest: credentialDigest('client-token', 'one', token) })

  t.test('one that logs out is known from then on, and refused', async (t) => {
    const credentialId = credentialDigest('client-token', 'one', 'foreign')
    t.match(await ask('foreign'), { active: false, unknown: true })
    const expiresAtMs = store.clock() + 1_000
    const { position, tokens } = await revokeTokens(ctx, 'one', 'ann', { credentialId, expiresAtMs })
    t.strictSame(await ask('foreign'), { active: false, position })
    t.match(tokens, [{ credentialId, expiresAt: new Date(expiresAtMs) }])
    t.match((await store.feed.changesAfter(Number(position) - 1, 1_000)).changes, [
      { effect: 'revoked', credentialId },
    ])
    store.passes(2_000)
    t.notMatch(await ask('foreign'), { unknown: true }, 'nor is it forgotten when it has expired')
  })

  t.test('a customer revokes one by its text', async (t) => {
    await revokeTokens(ctx, 'one', 'ann', { token: 'by text' })
    t.notMatch(await ask('by text'), { unknown: true })
    await t.rejects(revokeTokens(ctx, 'one', 'ann', { token: 'by text' }), { code: 'TOKEN_NOT_FOUND' })
    await t.rejects(revokeTokens(ctx, 'one', 'nobody', { token: 'x' }), { code: 'CLIENT_NOT_FOUND' })
    t.equal((await listTokens(ctx, 'one')).totalCount, 0)
  })

  t.test('another user’s row is not touched by it', async (t) => {
    await store.addUser('bob')
    await bindToken(ctx, 'one', { userId: 'bob', token: 'bob’s' })
    await t.rejects(revokeTokens(ctx, 'one', 'ann', { token: 'bob’s' }), { code: 'TOKEN_NOT_FOUND' })
    t.match(await ask('bob’s'), { active: true })
  })

  t.test('in an app whose tokens are all rows, one that is none is not found', async (t) => {
    await createApp(ctx, 'plain')
    await store.addUser('ann', 'plain')
    await t.rejects(revokeTokens(ctx, 'plain', 'ann', { token: 'x' }), { code: 'TOKEN_NOT_FOUND' })
  })

  t.test('all of a user’s: what was issued until then is refused, what is issued later is not', async (t) => {
    const revokedAtMs = store.clock()
    await revokeTokens(ctx, 'one', 'ann', 'all')
    const allowed = async (issuedAtMs?: number) =>
      (await provisionUser(ctx, { app: 'one', userId: 'ann', ...(issuedAtMs && { issuedAtMs }) })).allowed
    t.strictSame([await allowed(revokedAtMs - 1), await allowed(revokedAtMs)], [false, false])
    t.ok(await allowed(revokedAtMs + 1))
    t.ok(await allowed(), 'an issuer that was asked just now knows better')
  })
})

t.test('delegated signing', async (t) => {
  const { ctx, introspect, addUser, clock } = await startCredentialStore(t)
  await addUser('ann')
  const expirationDate = new Date(clock() + 86_400_000).toISOString()
  let answer = async (body: string): Promise<{ status?: number; body: unknown }> => ({
    body: {
      token: await new SignJWT(JSON.parse(body))
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(SECRET)),
      expirationDate,
    },
  })
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    asked.push(text)
    const { status = 200, body } = await answer(text)
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const signing = createDelegatedSigning(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/sign`,
    300,
  )
  t.teardown(async () => {
    await signing.close()
    server.closeAllConnections()
    server.close()
  })
  const signed = { ...ctx, delegatedSigning: signing }
  const introspectToken = (token: string) =>
    introspect({ kind: 'client-token', digest: credentialDigest('client-token', 'one', token) })

  t.test('the token becomes a row, so that it is good and can be revoked', async (t) => {
    const { token, expiresAt, position } = await signIn(signed, 'one', { id: 'ann', nickname: 'Ann' })
    t.strictSame(JSON.parse(asked.at(-1) ?? ''), { id: 'ann', nickname: 'Ann' })
    t.equal(expiresAt.toISOString(), expirationDate)
    t.match(await introspectToken(token), { active: true, position, grant: { userId: 'ann' } })
  })

  t.test('unless its app has tokens verified elsewhere', async (t) => {
    await changeSettings(ctx, 'one', { authentication })
    const { token, position } = await signIn(signed, 'one', { id: 'ann', nickname: 'Other' })
    t.equal(position, undefined)
    t.match(await introspectToken(token), { active: false, unknown: true })
    await changeSettings(ctx, 'one', { authentication: null })
  })

  t.test('a service that fails is 503 and quotes nothing', async (t) => {
    for (const wrong of [
      { status: 500, body: {} },
      { status: 401, body: {} },
      { status: 302, body: {} },
      { body: 's3cr3t, not JSON' },
      { body: {} },
      { body: { token: 7 } },
      { body: { token: 'x'.repeat(5_000) } },
      { body: { token: 'x', expirationDate: 'tomorrow' } },
      { body: `{"token":"${'x'.repeat(70_000)}"}` },
    ]) {
      answer = async () => wrong
      const error = await signIn(signed, 'one', { id: 'ann' }).then(
        () => new Error('accepted'),
        (error: Error) => error,
      )
      t.match(error, { code: 'AUTH_SERVICE_UNAVAILABLE' })
      t.notMatch(`${error.message} ${String(error.cause)}`, /s3cr3t/)
    }
    answer = () => new Promise(() => {})
    await t.rejects(signIn(signed, 'one', { id: 'ann' }), { code: 'AUTH_SERVICE_UNAVAILABLE' })
  })
})
