import type { Database } from '../../core/store/database.ts'
import { gramsOf } from '../../core/store/grams.ts'
import { totalUnread } from '../../core/store/members.ts'
import { pageMessages } from '../../core/store/message-pages.ts'
import { searchLargeRoom, searchNewest } from '../../core/store/message-search.ts'
import { listRoomIds } from '../../core/store/room-lists.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { quantile, type Row, timesOf } from './figures.ts'
import { addRooms, benchApp, openBenchDatabase } from './postgres.ts'

const ROOMS = 10_000
const PAGE = 50
const CALLS = 200
/** Half of all messages are in one room. */
const LARGE = 'r1'
/** What its messages say: a word of a hundred of them however many there are, one of every thousandth, one of each. */
const SAID = {
  rare: { word: 'extraordinary', condition: 'seq <= 5000 AND seq % 50 = 0' },
  some: { word: 'thousandth', condition: 'seq % 1000 = 1' },
  every: { word: 'message' },
}
/** Of each room besides the user whose lists are read, out of so many users. */
const OTHER_MEMBERS = { each: 4, all: 5_000 }

/** What is read must cost what is read, and not what lies beside it. */
export async function benchGrowth(scope: Scope, sizes: readonly number[]): Promise<Row[]> {
  const { db } = await openBenchDatabase(scope, { durable: false, poolSize: 2 })
  await addRooms(db, ROOMS)
  await addOthers(db)
  const rows: Row[] = []
  let before = 0
  for (const size of sizes) {
    await fill(db, before, size)
    before = size
    rows.push(...(await measure(db, size)))
  }
  return rows
}

async function addOthers(db: Database): Promise<void> {
  const { each, all } = OTHER_MEMBERS
  await db.run(`
    INSERT INTO users (app, id, created_at, updated_at)
    SELECT '${benchApp}', 'other-' || i, now(), now() FROM generate_series(0, ${all - 1}) AS i;
    INSERT INTO members (app, room_id, user_id, joined_seq, joined_at, read_seq, read_counted, sort_at)
    SELECT '${benchApp}', 'r' || i, 'other-' || (i * ${each} + j) % ${all}, 0, now(), 0, 0, now() - i * interval '1 second'
    FROM generate_series(1, ${ROOMS}) AS i, generate_series(1, ${each}) AS j`)
}

/**
 * Messages number `from` to `to`: every other one to the large room, the rest over all the others in turn. The index of
 * grams is built at the end: it takes longest to grow.
 */
async function fill(db: Database, from: number, to: number): Promise<void> {
  const STEP = 200_000
  const { rare, some } = SAID
  await db.run('DROP INDEX messages_by_gram')
  for (let start = from; start < to; start += STEP)
    await db.query(
      'bench-fill',
      `INSERT INTO messages (app, room_id, seq, counted, id, sender_id, message_type, message, created_at, updated_at, grams)
       SELECT $1, room_id, seq, seq, lpad(to_hex(i), 24, '0'), 'u', 'text', '"an ordinary message"',
         now() + i * interval '1 ms', now() + i * interval '1 ms',
         CASE WHEN room_id = '${LARGE}' THEN (
           CASE WHEN ${rare.condition} THEN $4 WHEN ${some.condition} THEN $5 ELSE $6 END)::int[] END
       FROM (
         SELECT i, CASE i % 2 WHEN 0 THEN '${LARGE}' ELSE 'r' || (2 + (i / 2) % ${ROOMS - 1}) END AS room_id,
           CASE i % 2 WHEN 0 THEN i / 2 + 1 ELSE (i / 2) / ${ROOMS - 1} + 1 END AS seq
         FROM generate_series($2::int, $3::int - 1) AS i) given`,
      [
        benchApp,
        start,
        Math.min(to, start + STEP),
        ...[`${rare.word} message`, `${some.word} message`, 'an ordinary message'].map(gramsText),
      ],
    )
  await db.run(`SET LOCAL maintenance_work_mem = '1GB';
    CREATE INDEX messages_by_gram ON messages USING gin (grams)`)
  await db.run(`UPDATE rooms r SET last_seq = m.seq, counted = m.seq, message_count = m.seq, last_message_seq = m.seq,
      active_at = now() - (substr(r.id, 2)::int) * interval '1 second'
    FROM (SELECT room_id, max(seq) AS seq FROM messages GROUP BY room_id) m WHERE m.room_id = r.id`)
  await db.query('', 'VACUUM ANALYZE')
}

const gramsText = (text: string): string => `{${(gramsOf(benchApp, LARGE, text) ?? []).join(',')}}`

async function measure(db: Database, size: number): Promise<Row[]> {
  const middle = { seq: Math.ceil(size / 4), updatedAt: new Date() }
  const cases: [string, () => Promise<unknown>][] = [
    [
      `${PAGE} messages before one in the middle of the large room`,
      () => pageMessages(db, benchApp, LARGE, { by: 'creation', newestFirst: true, to: middle, limit: PAGE }),
    ],
    [
      `the newest ${PAGE}, by change`,
      () => pageMessages(db, benchApp, LARGE, { by: 'change', newestFirst: true, limit: PAGE }),
    ],
    [`30 rooms of ${ROOMS}, the latest active`, () => listRoomIds(db, benchApp, roomList)],
    [`unread total of ${ROOMS} rooms`, () => totalUnread(db, benchApp, 'u', [])],
    [
      'search in the large room, a word of 100 messages',
      () => searchLargeRoom(db, benchApp, LARGE, [SAID.rare.word], PAGE),
    ],
    [
      'search in the large room, a word of every thousandth',
      () => searchLargeRoom(db, benchApp, LARGE, [SAID.some.word], PAGE),
    ],
    [
      'search in the large room, a word of every message',
      () => searchNewest(db, benchApp, LARGE, [SAID.every.word], { window: 2_000, limit: PAGE }),
    ],
  ]
  const rows: Row[] = []
  for (const [what, call] of cases) {
    await timesOf(10, call)
    const times = await timesOf(CALLS, call)
    rows.push({
      what: `${size.toLocaleString('en')} messages: ${what}`,
      p50Ms: quantile(times, 0.5),
      p95Ms: quantile(times, 0.95),
    })
  }
  return rows
}

const roomList = {
  userId: 'u',
  filter: {},
  prefFilter: {},
  updatedAfter: undefined,
  sort: [{ by: 'activity' as const, descending: true }],
  unreadFirst: false,
  skip: 0,
  limit: 30,
}
