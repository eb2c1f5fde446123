import { pino } from 'pino'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { createKey } from '../../../core/credentials/keys.ts'
import { bindToken } from '../../../core/credentials/tokens.ts'
import { buildInternalServer } from '../../../core/internal/server.ts'
import { createMetrics } from '../../../core/observe/metrics.ts'
import { createReadiness } from '../../../core/observe/readiness.ts'
import { currentPosition } from '../../../core/store/credential-changes.ts'
import type { Scope } from '../../support/child-process.ts'
import { eventually } from '../../support/eventually.ts'
import { startCredentialStore } from '../credentials/credential-store.ts'

async function startServer(t: Scope, options: { durable?: boolean } = {}) {
  const store = await startCredentialStore(t, { ...options, timing: { pollMs: 10, retryMs: 20 } })
  const { db, feed, introspect, clock } = store
  const readiness = createReadiness(db, Date.now)
  const metrics = createMetrics()
  const log = pino({ level: 'silent' })
  const parts = {
    db,
    feed,
    introspect,
    clock,
    readiness,
    metrics,
    log,
    redisEntries: undefined,
    nodeId: 'node-1',
  }
  const server = buildInternalServer(parts)
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const post = (body: unknown, path = '/introspect') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const poll = (query: string) => fetch(`${url}/credential-changes?${query}`)
  return { store, server, url, post, poll, readiness }
}

t.test('the internal API', async (t) => {
  const { store, server, url, post, poll, readiness } = await startServer(t)
  await store.addUser('ann')
  const bound = await bindToken(store.ctx, 'one', { userId: 'ann', token: 'hers' })

  t.test('introspects by digest', async (t) => {
    const digest = credentialDigest('client-token', 'one', 'hers')
    const answer = await post({ kind: 'client-token', digest })
    t.equal(answer.status, 200)
    t.strictSame(await answer.json(), {
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

  t.test('a bad credential is a 200 that says inactive', async (t) => {
    const answer = await post({ kind: 'platform-key', digest: credentialDigest('platform-key', '', 'no') })
    t.equal(answer.status, 200)
    t.strictSame(await answer.json(), { active: false, position: bound.position })
  })

  t.test('anything malformed is a 400', async (t) => {
    const digest = credentialDigest('client-token', 'one', 'hers')
    for (const body of [{}, { kind: 'other', digest }, { kind: 'client-token', digest: 'x' }, [], 'text'])
      t.equal((await post(body)).status, 400)
    for (const query of ['', 'after=-1', 'after=x', 'after=0&waitMs=30001', 'after=1e99'])
      t.equal((await poll(query)).status, 400, query)
    t.equal((await fetch(`${url}/elsewhere`)).status, 404)
  })

  t.test('a long poll is answered by the next change', async (t) => {
    const waiting = poll(`after=${bound.position}&waitMs=30000`)
    const { position, credentialId } = await createKey(store.ctx, 'platform-key', 'one')
    t.strictSame(await (await waiting).json(), {
      position,
      changes: [
        { position, app: 'one', subject: 'credential', effect: 'granted', credentialId, expiresAtMs: null },
      ],
      reset: false,
    })
  })

  t.test('provisions a user for whom an app’s own authentication vouches', async (t) => {
    const body = { app: 'one', userId: 'zoë', nickname: 'Zoë', avatarUrl: 'x'.repeat(10_000) }
    const answer = await post(body, '/provision')
    t.equal(answer.status, 200)
    t.match(await answer.json(), { position: Number, allowed: true })
    for (const wrong of [
      {},
      { ...body, app: 'Not An App' },
      { ...body, userId: '' },
      { ...body, userId: 7 },
      { ...body, nickname: null },
      { ...body, userId: 'x'.repeat(257) },
      { ...body, userId: 'a\u0000b' },
      { ...body, issuedAtMs: 'now' },
    ])
      t.not((await post(wrong, '/provision')).status, 200, JSON.stringify(wrong).slice(0, 80))
    t.equal((await post({ ...body, app: 'none' }, '/provision')).status, 404)
  })

  t.test('the use of a key is noted', async () => {
    const key = await createKey(store.ctx, 'platform-key', 'one')
    await post({ kind: 'platform-key', digest: key.credentialId })
    await eventually('the use is noted', async () => {
      const sql = 'SELECT last_used_at AS at FROM platform_keys WHERE digest = $1'
      const [row] = await store.db.query<{ at: Date | null }>('', sql, [key.credentialId])
      return row?.at?.getTime() === store.clock()
    })
  })

  t.test('is ready, with its node id, until it drains', async (t) => {
    const ready = await fetch(`${url}/readyz`)
    t.equal(ready.status, 200)
    t.equal(ready.headers.get('im-node-id'), 'node-1')
    readiness.drain()
    const draining = await fetch(`${url}/readyz`)
    t.equal(draining.status, 503)
    t.match(await draining.json(), { reason: 'draining' })
  })

  t.test('closing ends the polls that wait', async (t) => {
    const position = await currentPosition(store.db)
    const waiting = poll(`after=${position}&waitMs=30000`).then((answer) => answer.json())
    const received = new Promise((resolve) => server.server.once('request', resolve))
    await received
    await server.close()
    t.match(await waiting, { position, changes: [], reset: false })
  })
})

t.test('with the database down nothing passes for a refusal', async (t) => {
  const { store, url, post, poll } = await startServer(t, { durable: true })
  const waiting = poll(`after=${await currentPosition(store.db)}&waitMs=30000`)
  await store.postgres.stop()
  t.equal((await waiting).status, 503)
  t.equal(
    (await post({ kind: 'client-token', digest: credentialDigest('client-token', 'one', 'x') })).status,
    503,
  )
  t.equal((await poll('after=0')).status, 503)
  t.equal((await fetch(`${url}/readyz`)).status, 503)
})
