import { decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { credentialDigest, MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import { disableUser, enableUser } from '../../../core/credentials/disablement.ts'
import { createApp } from '../../../core/credentials/keys.ts'
import {
  bindToken,
  issueToken,
  listTokens,
  randomToken,
  revokeTokens,
} from '../../../core/credentials/tokens.ts'
import { currentPosition } from '../../../core/store/credential-changes.ts'
import { DAY_MS, startCredentialStore } from './credential-store.ts'

const digestOf = (token: string, app = 'one') => credentialDigest('client-token', app, token)
const isLive = async (store: Awaited<ReturnType<typeof startCredentialStore>>, token: string, app = 'one') =>
  (await store.introspect({ kind: 'client-token', digest: digestOf(token, app) })).active

t.test('issuing', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx } = store
  await store.addUser('ann')

  t.test('gives a JWT that names the user, for seven days', async (t) => {
    const { token, exp } = await issueToken(ctx, 'one', {
      id: 'ann',
      nickname: 'Ann',
      avatarUrl: 'https://a.example/a',
    })
    const { payload, protectedHeader } = await jwtVerify(token.token, ctx.jwtSecret, {
      currentDate: new Date(ctx.clock()),
    })
    t.equal(protectedHeader.alg, 'HS256')
    t.match(payload, {
      id: 'ann',
      nickname: 'Ann',
      avatarUrl: 'https://a.example/a',
      iat: ctx.clock() / 1_000,
      exp,
    })
    t.equal(exp, (ctx.clock() + 7 * DAY_MS) / 1_000)
    t.equal(token.expiresAt.getTime(), exp * 1_000)
    t.equal(token.issued, true)
    t.ok(await isLive(store, token.token))
  })

  t.test('twice within one second gives two tokens', async (t) => {
    const first = await issueToken(ctx, 'one', { id: 'ann' })
    const second = await issueToken(ctx, 'one', { id: 'ann' })
    t.not(first.token.token, second.token.token)
    t.equal(second.position, first.position + 1)
  })

  t.test('leaves a profile out that would make it longer than a credential may be', async (t) => {
    const { token } = await issueToken(ctx, 'one', { id: 'ann', nickname: 'n', avatarUrl: 'x'.repeat(5_000) })
    t.ok(token.token.length <= MAX_CREDENTIAL_BYTES)
    t.equal(decodeJwt(token.token).id, 'ann')
    t.notOk('avatarUrl' in decodeJwt(token.token))
  })

  t.test('is refused for a user that does not exist', async (t) => {
    await t.rejects(issueToken(ctx, 'one', { id: 'nobody' }), { code: 'CLIENT_NOT_FOUND' })
  })

  t.test('no secret is stored', async (t) => {
    const { token } = await issueToken(ctx, 'one', { id: 'ann' })
    const rows = await store.db.query('', 'SELECT tokens::text AS row FROM tokens')
    t.notOk(rows.some(({ row }) => String(row).includes(token.token)))
  })
})

t.test('binding', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx } = store
  await store.addUser('ann')
  await store.addUser('ben')

  t.test('takes any string, with the default expiry', async (t) => {
    for (const token of ['plain', ' spaces in it ', 'täxt-日本', 'x'.repeat(MAX_CREDENTIAL_BYTES)]) {
      const bound = await bindToken(ctx, 'one', { userId: 'ann', token })
      t.equal(bound.token.token, token)
      t.equal(bound.token.expiresAt.getTime(), ctx.clock() + 7 * DAY_MS)
      t.ok(await isLive(store, token))
    }
  })

  t.test('takes an expiry', async (t) => {
    const expirationDate = new Date(ctx.clock() + 60_000).toISOString()
    const { token } = await bindToken(ctx, 'one', { userId: 'ann', token: 'short', expirationDate })
    t.equal(token.expiresAt.toISOString(), expirationDate)
    store.passes(60_000)
    t.notOk(await isLive(store, 'short'))
  })

  t.test('again renews the same token', async (t) => {
    const first = await bindToken(ctx, 'one', {
      userId: 'ann',
      token: 'renewed',
      expirationDate: '2030-01-01',
    })
    store.passes(1_000)
    const second = await bindToken(ctx, 'one', {
      userId: 'ann',
      token: 'renewed',
      expirationDate: '2031-01-01T00:00:00Z',
    })
    t.equal(second.token.createdAt.getTime(), first.token.createdAt.getTime())
    t.equal(second.token.updatedAt.getTime(), ctx.clock())
    t.equal(second.token.expiresAt.getUTCFullYear(), 2031)
    t.ok(second.position > first.position)
  })

  t.test('adds to the tokens of a user, it replaces none', async (t) => {
    await bindToken(ctx, 'one', { userId: 'ann', token: 'phone' })
    await bindToken(ctx, 'one', { userId: 'ann', token: 'web' })
    t.ok(await isLive(store, 'phone'))
    t.ok(await isLive(store, 'web'))
  })

  t.test('another client’s token is a conflict and changes nothing, revoked or not', async (t) => {
    const conflicts = () =>
      t.rejects(bindToken(ctx, 'one', { userId: 'ben', token: 'anns' }), { code: 'TOKEN_CONFLICT' })
    const { position } = await bindToken(ctx, 'one', { userId: 'ann', token: 'anns' })
    await conflicts()
    t.ok(await isLive(store, 'anns'))
    await revokeTokens(ctx, 'one', 'ann', { token: 'anns' })
    await conflicts()
    t.equal(await currentPosition(store.db), position + 1, 'only the revocation is a change')
  })

  t.test('the same string is another token in another app', async (t) => {
    await createApp(ctx, 'two')
    await store.addUser('ben', 'two')
    await bindToken(ctx, 'one', { userId: 'ann', token: 'same' })
    t.notOk(await isLive(store, 'same', 'two'))
    await bindToken(ctx, 'two', { userId: 'ben', token: 'same' })
    await revokeTokens(ctx, 'two', 'ben', 'all')
    t.ok(await isLive(store, 'same'))
  })

  t.test('a token that was revoked may be bound again', async (t) => {
    await bindToken(ctx, 'one', { userId: 'ann', token: 'back' })
    await revokeTokens(ctx, 'one', 'ann', { token: 'back' })
    t.notOk(await isLive(store, 'back'))
    await bindToken(ctx, 'one', { userId: 'ann', token: 'back' })
    t.ok(await isLive(store, 'back'))
  })

  t.test('an expiry in the past takes the token back, and says so to the gateways', async (t) => {
    await bindToken(ctx, 'one', { userId: 'ann', token: 'ended' })
    const { position } = await bindToken(ctx, 'one', {
      userId: 'ann',
      token: 'ended',
      expirationDate: '2020-01-01',
    })
    t.notOk(await isLive(store, 'ended'))
    const { changes } = await store.feed.changesAfter(position - 1, 1_000)
    t.match(changes, [{ subject: 'credential', effect: 'revoked', credentialId: digestOf('ended') }])
  })

  const refusals: [string, object, string][] = [
    ['no token', {}, 'MISSING_PARAMETER'],
    ['an empty one', { token: '' }, 'MISSING_PARAMETER'],
    ['one that the gateway takes for none', { token: 'undefined' }, 'MISSING_PARAMETER'],
    ['one that is no string', { token: { $gt: '' } }, 'MISSING_PARAMETER'],
    ['one too long', { token: 'ü'.repeat(MAX_CREDENTIAL_BYTES / 2 + 1) }, 'INVALID_REQUEST'],
    ['a date in words', { token: 'a', expirationDate: 'tomorrow' }, 'INVALID_REQUEST'],
    ['a date that is none', { token: 'a', expirationDate: '2026-13-45' }, 'INVALID_REQUEST'],
    ['a number for a date', { token: 'a', expirationDate: 1_900_000_000_000 }, 'INVALID_REQUEST'],
    ['an unknown client', { token: 'a', userId: 'nobody' }, 'CLIENT_NOT_FOUND'],
  ]
  for (const [what, input, code] of refusals)
    t.test(`refuses ${what}`, async (t) => {
      await t.rejects(bindToken(ctx, 'one', { userId: 'ann', token: undefined, ...input }), { code })
    })
})

t.test('revoking', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx } = store
  await store.addUser('ann')
  await store.addUser('ben')
  const bindAll = (...tokens: string[]) =>
    Promise.all(tokens.map((token) => bindToken(ctx, 'one', { userId: 'ann', token })))

  t.test('one token leaves the others, and shows what the caller sent', async (t) => {
    await bindAll('a1', 'a2')
    const { tokens, position } = await revokeTokens(ctx, 'one', 'ann', { token: 'a1' })
    t.match(tokens, [{ token: 'a1', userId: 'ann' }])
    t.type(position, 'number')
    t.notOk(await isLive(store, 'a1'))
    t.ok(await isLive(store, 'a2'))
  })

  t.test('all of a user shows references, and tells the gateways of each and of the user', async (t) => {
    await bindAll('b1', 'b2')
    await bindToken(ctx, 'one', { userId: 'ben', token: 'bens' })
    const before = (await store.introspect({ kind: 'default-app', digest: digestOf('') })).position
    const { tokens, position } = await revokeTokens(ctx, 'one', 'ann', 'all')
    t.ok(tokens.some((token) => token.token === `sha256:${digestOf('b1')}`))
    t.notOk(JSON.stringify(tokens).includes('"b1"'))
    for (const token of ['b1', 'b2']) t.notOk(await isLive(store, token))
    t.ok(await isLive(store, 'bens'))
    const { changes } = await store.feed.changesAfter(before, 1_000)
    t.equal(changes.filter((change) => change.subject === 'credential').length, tokens.length)
    t.match(changes.at(-1), { position, subject: 'user', effect: 'revoked', userId: 'ann' })
  })

  t.test('all others keeps the one in use', async (t) => {
    await bindAll('c1', 'c2', 'c3')
    const { tokens } = await revokeTokens(ctx, 'one', 'ann', { allBut: digestOf('c2') })
    t.equal(tokens.length, 2)
    t.ok(await isLive(store, 'c2'))
    t.notOk(await isLive(store, 'c1'))
  })

  t.test('the one in use goes by its credential id, whether or not it is a row', async (t) => {
    await bindAll('d1')
    t.equal((await revokeTokens(ctx, 'one', 'ann', { credentialId: digestOf('d1') })).tokens.length, 1)
    const external = { credentialId: digestOf('external') }
    t.match(await revokeTokens(ctx, 'one', 'ann', external), { tokens: [external], position: Number })
    const again = await revokeTokens(ctx, 'one', 'ann', external)
    t.strictSame(again, { tokens: [], position: undefined })
  })

  t.test('a listed reference names its token', async (t) => {
    await bindAll('e1')
    const { tokens } = await listTokens(ctx, 'one')
    const listed = tokens.find((token) => token.credentialId === digestOf('e1'))
    await revokeTokens(ctx, 'one', 'ann', { token: listed?.token ?? '' })
    t.notOk(await isLive(store, 'e1'))
  })

  t.test('a reference is no credential', async (t) => {
    await bindAll('f1')
    t.notOk(await isLive(store, `sha256:${digestOf('f1')}`))
  })

  t.test('knows neither unknown clients nor tokens that are not theirs', async (t) => {
    await bindToken(ctx, 'one', { userId: 'ben', token: 'not-anns' })
    await t.rejects(revokeTokens(ctx, 'one', 'nobody', 'all'), { code: 'CLIENT_NOT_FOUND' })
    await t.rejects(revokeTokens(ctx, 'one', 'ann', { token: 'never' }), { code: 'TOKEN_NOT_FOUND' })
    await t.rejects(revokeTokens(ctx, 'one', 'ann', { token: 'not-anns' }), { code: 'TOKEN_NOT_FOUND' })
    t.ok(await isLive(store, 'not-anns'))
  })
})

t.test('a disabled user’s tokens are refused until it is enabled', async (t) => {
  const store = await startCredentialStore(t)
  await store.addUser('ann')
  await bindToken(store.ctx, 'one', { userId: 'ann', token: 'kept' })
  const { position } = await disableUser(store.ctx, 'one', 'ann')
  t.notOk(await isLive(store, 'kept'))
  const { changes } = await store.feed.changesAfter(position - 2, 1_000)
  t.match(changes, [
    { subject: 'credential', effect: 'revoked' },
    { subject: 'user', effect: 'revoked' },
  ])
  await enableUser(store.ctx, 'one', 'ann')
  t.ok(await isLive(store, 'kept'))
  await t.rejects(disableUser(store.ctx, 'one', 'nobody'), { code: 'CLIENT_NOT_FOUND' })
})

t.test('listing shows live tokens, newest first, without secrets', async (t) => {
  const store = await startCredentialStore(t)
  await store.addUser('ann')
  for (const token of ['first', 'second', 'third']) {
    store.passes(1)
    await bindToken(store.ctx, 'one', { userId: 'ann', token })
  }
  await revokeTokens(store.ctx, 'one', 'ann', { token: 'second' })
  const { totalCount, tokens } = await listTokens(store.ctx, 'one', undefined, 1)
  t.equal(totalCount, 2)
  t.strictSame(
    tokens.map((token) => token.credentialId),
    [digestOf('third')],
  )
})

t.test('a random token has as many random bytes as asked for', async (t) => {
  t.equal(Buffer.from(randomToken(), 'base64').length, 16)
  t.equal(Buffer.from(randomToken('32'), 'base64').length, 32)
  t.not(randomToken(), randomToken())
  for (const size of ['0', '4', '-1', 'many', '1e9', ['16', '32']])
    t.throws(() => randomToken(size), { code: 'INVALID_QUERY' })
})
