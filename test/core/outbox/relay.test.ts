import t from 'tap'
import type { ChatEvent } from '../../../core/chat/events.ts'
import { createLog } from '../../../core/observe/log.ts'
import { createEmitted } from '../../../core/outbox/emitted.ts'
import { createRelay } from '../../../core/outbox/relay.ts'
import { DatabaseError } from '../../../core/store/database.ts'
import { migrate } from '../../../core/store/migrate.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import { appendOutbox, type OutboxRow } from '../../../core/store/outbox.ts'
import { DATABASES } from '../../contract/server.ts'
import { eventually } from '../../support/eventually.ts'
import { startPostgres } from '../../support/postgres.ts'
import { FAST, startStand } from './stand.ts'

const outline = (events: ChatEvent[]) =>
  events.map((event) =>
    'message' in event ? `${event.type} ${event.message.seq}/${event.message.evSeq}` : event.type,
  )

for (const kind of DATABASES) {
  t.test(`the relay on ${kind}`, async (t) => {
    const stand = await startStand(t, kind)

    t.test('tells what a core committed and did not live to tell, in the order of the room', async (t) => {
      const stand = await startStand(t, kind, { started: false })
      const { platform, user } = await stand.newApp()
      stand.fastPath = false
      await platform().ok('POST', '/rooms', { _id: 'r1', members: ['ann', 'bob'], roomType: 'group' })
      const { _id } = await user('ann').ok('POST', '/rooms/r1/message', { message: 'one' })
      await user('ann').ok('POST', '/rooms/r1/message', { _id, message: 'edited' })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'two' })
      await user('bob').ok('POST', `/messages/${_id}/reaction`, { reaction: '👍' })
      await user('ann').ok('POST', '/rooms/r1/message', { _id, messageType: 'recall' })
      await user('bob').ok('PUT', '/rooms/r1/lastRead', {})
      const { _id: second } = await user('ann').ok('POST', '/rooms/r1/message', { message: 'three' })
      await platform().ok('DELETE', `/rooms/r1/messages/${second}`)
      stand.outbox.start()
      await stand.outboxIsEmpty()
      t.strictSame(
        outline(stand.told).filter((line) => !line.startsWith('room')),
        [
          'members-joined',
          // As the message is when it is told, with the position it has come to.
          'message-posted 1/3',
          'message-changed 1/3',
          'message-posted 2/0',
          // The two changes since were told with the first: the message is the same.
          'read',
          // Posted and deleted since: only the latter can be told.
          'messages-deleted',
        ],
      )
      t.match(stand.told.at(-1), { messageIds: [second], evSeq: 4 })
    })

    t.test('tells nothing twice that the serving core has told', async (t) => {
      const { platform, user } = await stand.newApp()
      await platform().ok('POST', '/rooms', { _id: 'r1', members: ['ann', 'bob'], roomType: 'group' })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'one' })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'two' })
      await stand.outboxIsEmpty()
      const posted = stand.told.filter((event) => event.type === 'message-posted')
      t.strictSame(outline(posted), ['message-posted 1/0', 'message-posted 2/0'])
    })

    t.test('tells who is in a room now, not who was', async (t) => {
      const { platform } = await stand.newApp()
      await platform().ok('POST', '/rooms', { _id: 'r1', members: ['ann', 'bob'], roomType: 'group' })
      await stand.outboxIsEmpty()
      stand.fastPath = false
      stand.told.length = 0
      await platform().ok('POST', '/rooms/r1/delete/members', { members: ['bob'] })
      await platform().ok('POST', '/rooms/r1/members', { invitees: ['bob'] })
      await stand.outboxIsEmpty()
      stand.fastPath = true
      t.equal(stand.told.filter((event) => event.type === 'members-left').length, 0)
      t.ok(stand.told.filter((event) => event.type === 'members-joined').length >= 1)
    })
  })
}

t.test('a row that fails is parked and logged, the rows behind it are followed', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  await migrate(db)
  await db.query('', `INSERT INTO apps (id) VALUES ('a')`)
  const followed: number[] = []
  for (const n of [1, 2, 3])
    await appendOutbox(db, 'a', 'r', 'members-joined', { n, userIds: [] }, new Date())
  const relay = createRelay({
    db,
    publish: () => {},
    emitted: createEmitted(),
    follow: async (_tx, rows) => {
      for (const row of rows) if (row.payload.n === 2) throw new TypeError('nothing to be made of it')
      followed.push(...rows.map((row) => Number(row.payload.n)))
    },
    onFollowed: () => {},
    clock: Date.now,
    log: createLog('silent'),
    timing: FAST,
  })
  t.teardown(() => relay.close())
  await eventually('the third is followed', () => followed.includes(3))
  t.strictSame(followed, [1, 3])
  const parked = await db.query<{ payload: { n: number } }>('', 'SELECT payload FROM outbox WHERE shard = -1')
  t.strictSame(
    parked.map((row) => row.payload.n),
    [2],
  )
})

t.test('what only passes in the database parks no row', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  await migrate(db)
  await db.query('', `INSERT INTO apps (id) VALUES ('a')`)
  await appendOutbox(db, 'a', 'r', 'members-joined', { n: 1, userIds: [] }, new Date())
  const passing = ['25P03', '40001', '55P03', '53200']
  let followed = 0
  const relay = createRelay({
    db,
    publish: () => {},
    emitted: createEmitted(),
    follow: async (_tx, rows) => {
      const sqlState = passing.shift()
      if (sqlState !== undefined)
        throw new DatabaseError(sqlState, undefined, { cause: new Error('passing') })
      followed += rows.length
    },
    onFollowed: () => {},
    clock: Date.now,
    log: createLog('silent'),
    timing: FAST,
  })
  t.teardown(() => relay.close())
  await eventually('it is followed after all', () => followed === 1)
  t.strictSame(passing, [])
})

t.test('several cores share the shards: each row once, each room in its order', async (t) => {
  const { url } = await startPostgres(t)
  const first = await openDatabase(url)
  await migrate(first)
  await first.query('', `INSERT INTO apps (id) VALUES ('a')`)
  const done: OutboxRow[] = []
  const databases = [first, await openDatabase(url), await openDatabase(url)]
  const relays = databases.map((db) =>
    createRelay({
      db,
      publish: () => {},
      emitted: createEmitted(),
      follow: async (_tx, rows) => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        done.push(...rows)
      },
      onFollowed: () => {},
      clock: Date.now,
      log: createLog('silent'),
      timing: { ...FAST, graceMs: 0, pollMs: 3, minGapMs: 1 },
    }),
  )
  t.teardown(async () => {
    await Promise.all(relays.map((relay) => relay.close()))
    await Promise.all(databases.map((db) => db.close()))
  })
  const rooms = Array.from({ length: 12 }, (_, i) => `room-${i}`)
  await Promise.all(
    rooms.map(async (room, i) => {
      const db = databases[i % databases.length]!
      for (let n = 0; n < 40; n++)
        await appendOutbox(db, 'a', room, 'members-joined', { n, userIds: [] }, new Date())
    }),
  )
  await eventually('all are followed', () => done.length >= rooms.length * 40, 60_000)
  t.equal(done.length, rooms.length * 40)
  for (const room of rooms)
    t.strictSame(
      done.filter((row) => row.roomId === room).map((row) => row.payload.n),
      Array.from({ length: 40 }, (_, n) => n),
      room,
    )
})

t.test('a database that goes away and comes back is relayed from where it was', async (t) => {
  const postgres = await startPostgres(t, { durable: true })
  const db = await openDatabase(postgres.url)
  await migrate(db)
  await db.query('', `INSERT INTO apps (id) VALUES ('a')`)
  await appendOutbox(db, 'a', 'r', 'members-joined', { n: 1, userIds: [] }, new Date())
  const followed: unknown[] = []
  let failing = true
  const relay = createRelay({
    db,
    publish: () => {},
    emitted: createEmitted(),
    follow: async (tx, rows) => {
      if (failing) {
        await postgres.stop()
        failing = false
        await tx.query('', 'SELECT 1')
      }
      followed.push(...rows.map((row) => row.payload.n))
    },
    onFollowed: () => {},
    clock: Date.now,
    log: createLog('silent'),
    timing: FAST,
  })
  t.teardown(async () => {
    await relay.close()
    await db.close()
  })
  await eventually('the database is gone', () => !failing)
  await postgres.start()
  await eventually('the row is followed', () => followed.length > 0)
  t.strictSame(followed, [1])
})
