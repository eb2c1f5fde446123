import { pino } from 'pino'
import t from 'tap'
import { createChangeFeed } from '../../../core/credentials/change-feed.ts'
import { bindToken, revokeTokens } from '../../../core/credentials/tokens.ts'
import type { FeedChange } from '../../../core/store/credential-changes.ts'
import { currentPosition } from '../../../core/store/credential-changes.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import { eventually } from '../../support/eventually.ts'
import { startCredentialStore } from './credential-store.ts'

const log = pino({ level: 'silent' })

/** Resolves once the feed has told of a position. */
function untilPosition(
  feed: { subscribe(listener: (change: FeedChange) => void): () => void; position(): number },
  position: number,
) {
  return new Promise<void>((resolve) => {
    const unsubscribe = feed.subscribe((change) => {
      if (change.position < position) return
      unsubscribe()
      resolve()
    })
    if (feed.position() >= position) resolve()
  })
}

t.test(
  'positions of many changes at once are dense, in the order of commits, and every follower sees all',
  async (t) => {
    const store = await startCredentialStore(t)
    const users = Array.from({ length: 6 }, (_, i) => `user-${i}`)
    for (const id of users) await store.addUser(id)
    // A second core: a pool and a feed of its own on the same database.
    const otherDb = await openDatabase(store.postgres.url)
    const otherFeed = await createChangeFeed({
      db: otherDb,
      clock: store.clock,
      log,
      onLost: () => t.fail('lost'),
    })
    t.teardown(async () => {
      await otherFeed.close()
      await otherDb.close()
    })
    const other = { ...store.ctx, db: otherDb, nudge: otherFeed.nudge }
    const start = await currentPosition(store.db)
    const seen: FeedChange[][] = [[], []]
    store.feed.subscribe((change) => change.position > start && seen[0]?.push(change))
    otherFeed.subscribe((change) => change.position > start && seen[1]?.push(change))

    const positions: number[] = []
    await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const ctx = i % 2 === 0 ? store.ctx : other
        const userId = users[i % users.length] ?? ''
        const bound = await bindToken(ctx, 'one', { userId, token: `token-${i}` })
        positions.push(bound.position)
        if (i % 10 === 9) positions.push(...(await revokePositions(store, userId)))
        if (i % 5 === 0)
          await t.rejects(bindToken(ctx, 'one', { userId: users[(i + 1) % 6] ?? '', token: `token-${i}` }))
      }),
    )
    const last = await currentPosition(store.db)
    await Promise.all([untilPosition(store.feed, last), untilPosition(otherFeed, last)])
    const dense = Array.from({ length: last - start }, (_, i) => start + 1 + i)
    for (const follower of seen)
      t.strictSame(
        follower.map((change) => change.position),
        dense,
      )
    t.equal(new Set(positions).size, positions.length, 'no position is given twice')
    t.ok(positions.every((position) => position > start && position <= last))
  },
)

async function revokePositions(store: Awaited<ReturnType<typeof startCredentialStore>>, userId: string) {
  const { position } = await revokeTokens(store.ctx, 'one', userId, 'all')
  return position === undefined ? [] : [position]
}

t.test('a long poll', async (t) => {
  const store = await startCredentialStore(t, { timing: { pollMs: 20 } })
  await store.addUser('ann')
  const bind = (token: string) => bindToken(store.ctx, 'one', { userId: 'ann', token })

  t.test('answers at once with what it missed', async (t) => {
    const first = await bind('a')
    await bind('b')
    await untilPosition(store.feed, first.position + 1)
    const answer = await store.feed.changesAfter(first.position - 1, 30_000)
    t.match(answer, { position: first.position + 1, reset: false })
    t.match(answer.changes, [
      { position: first.position, app: 'one', subject: 'credential', effect: 'granted' },
      {},
    ])
    t.notOk(JSON.stringify(answer).includes('client-token'), 'the kind stays within the core')
  })

  t.test('says of a credential when it ends', async (t) => {
    const expiresAtMs = store.clock() + 3_600_000
    const input = { userId: 'ann', token: 'ends', expirationDate: new Date(expiresAtMs).toISOString() }
    const { position } = await bindToken(store.ctx, 'one', input)
    await untilPosition(store.feed, position)
    t.match(await store.feed.changesAfter(position - 1, 30_000), {
      changes: [{ effect: 'granted', expiresAtMs }],
    })
  })

  t.test('waits for the next change, whoever makes it', async (t) => {
    await untilPosition(store.feed, await currentPosition(store.db))
    const waiting = store.feed.changesAfter(store.feed.position(), 30_000)
    const otherCore = { ...store.ctx, nudge: () => {} }
    const { position } = await bindToken(otherCore, 'one', { userId: 'ann', token: 'c' })
    t.match(await waiting, { position, changes: [{ position }], reset: false })
  })

  t.test('ends empty, at the position it came with', async (t) => {
    const position = store.feed.position()
    t.strictSame(await store.feed.changesAfter(position, 1), { position, changes: [], reset: false })
  })

  t.test('ends when its caller is gone', async (t) => {
    const gone = new AbortController()
    const position = store.feed.position()
    const waiting = store.feed.changesAfter(position, 30_000, gone.signal)
    gone.abort()
    t.match(await waiting, { position, changes: [] })
  })

  t.test('is told to start anew where older changes were deleted', async (t) => {
    await store.db.query('', 'DELETE FROM credential_changes WHERE position < $1', [store.feed.position()])
    const fresh = await createChangeFeed({ db: store.db, clock: store.clock, log, onLost: () => {} })
    t.teardown(() => fresh.close())
    t.match(await fresh.changesAfter(0, 0), { position: fresh.position(), changes: [], reset: true })
    t.match(await fresh.changesAfter(fresh.position() - 1, 0), { changes: [{}], reset: false })
  })

  t.test('is told to start anew where the database is older than its position', async (t) => {
    const { position } = store.feed
    t.match(await store.feed.changesAfter(position() + 100, 30_000), { position: position(), reset: true })
  })
})

t.test('an outage of the database', async (t) => {
  const store = await startCredentialStore(t, { durable: true, timing: { pollMs: 10, retryMs: 20 } })
  await store.addUser('ann')
  const { position } = await bindToken(store.ctx, 'one', { userId: 'ann', token: 'before' })
  await untilPosition(store.feed, position)
  const seen: number[] = []
  store.feed.subscribe((change) => seen.push(change.position))
  const waiting = store.feed.changesAfter(position, 30_000)
  const refused = t.rejects(
    waiting,
    { code: 'STORE_UNAVAILABLE' },
    'a poll that waits does not pass for silence',
  )
  await store.postgres.stop()
  await refused
  await t.rejects(store.feed.changesAfter(position, 0), { code: 'STORE_UNAVAILABLE' })
  await t.rejects(bindToken(store.ctx, 'one', { userId: 'ann', token: 'lost' }), {
    code: 'STORE_UNAVAILABLE',
  })
  await store.postgres.start()
  const db = await openDatabase(store.postgres.url)
  t.teardown(() => db.close())
  await eventually('the database is back', () =>
    currentPosition(db).then(
      () => true,
      () => false,
    ),
  )
  const elsewhere = { ...store.ctx, db, nudge: () => {} }
  const after = await bindToken(elsewhere, 'one', { userId: 'ann', token: 'after' })
  await untilPosition(store.feed, after.position)
  t.strictSame(seen, [position + 1], 'goes on without loss')
  t.match(await store.feed.changesAfter(position, 0), { changes: [{ position: position + 1 }] })
})

t.test('a core that missed changes for good says so, and answers nobody any more', async (t) => {
  const store = await startCredentialStore(t)
  await store.addUser('ann')
  const lost = Promise.withResolvers<void>()
  const feed = await createChangeFeed({
    db: store.db,
    clock: store.clock,
    log,
    onLost: lost.resolve,
    timing: { pollMs: 60_000 },
  })
  t.teardown(() => feed.close())
  await store.db.transaction(async (tx) => {
    await tx.query('', 'UPDATE feed SET position = position + 5')
  })
  feed.nudge()
  await lost.promise
  await t.rejects(feed.changesAfter(0, 0), { code: 'STORE_UNAVAILABLE' })
})

t.test('a listener that throws does not keep the change from the others', async (t) => {
  const store = await startCredentialStore(t)
  await store.addUser('ann')
  store.feed.subscribe(() => {
    throw new Error('listener')
  })
  const { position } = await bindToken(store.ctx, 'one', { userId: 'ann', token: 'a' })
  await untilPosition(store.feed, position)
  t.ok(store.feed.position() >= position)
})

t.test('changes are deleted after a day', async (t) => {
  const store = await startCredentialStore(t, { timing: { pruneEveryMs: 10 } })
  await store.addUser('ann')
  const { position } = await bindToken(store.ctx, 'one', { userId: 'ann', token: 'a' })
  await store.db.query(
    '',
    `UPDATE credential_changes SET at = now() - interval '25 hours' WHERE position < $1`,
    [position],
  )
  let rows: unknown[] = []
  do rows = await store.db.query('', 'SELECT position FROM credential_changes')
  while (rows.length > 1)
  t.strictSame(rows, [{ position }])
})
