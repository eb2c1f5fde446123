import type { Database } from '../../core/store/database.ts'
import { gramsOf } from '../../core/store/grams.ts'
import { totalUnread } from '../../core/store/members.ts'
import { pageMessages } from '../../core/store/message-pages.ts'
import { searchNewest, searchRooms } from '../../core/store/message-search.ts'
import { listRoomIds } from '../../core/store/room-lists.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { quantile, type Row, timesOf } from './figures.ts'
import { addRooms, benchApp, openBenchDatabase } from './postgres.ts'

const ROOMS = 10_000
const PAGE = 50
const CALLS = 200
/** Half of all messages are in one room; of its messages this share says the word that is looked for. */
const LARGE = 'r1'
const RARE_EVERY = 1_000

/** What is read must cost what is read, and not what lies beside it. */
export async function benchGrowth(scope: Scope, sizes: readonly number[]): Promise<Row[]> {
  const { db } = await openBenchDatabase(scope, { durable: false, poolSize: 2 })
  await addRooms(db, ROOMS)
  const rows: Row[] = []
  let before = 0
  for (const size of sizes) {
    await fill(db, before, size)
    before = size
    rows.push(...(await measure(db, size)))
  }
  return rows
}

/** Messages number `from` to `to`: every other one to the large room, the rest over all the others in turn. */
async function fill(db: Database, from: number, to: number): Promise<void> {
  const common = gramsText('an ordinary message')
  const rare = gramsText('an extraordinary message')
  const STEP = 200_000
  for (let start = from; start < to; start += STEP)
    await db.query(
      'bench-fill',
      `INSERT INTO messages (app, room_id, seq, counted, id, sender_id, message_type, message, created_at, updated_at, grams)
       SELECT $1, room_id, seq, seq, lpad(to_hex(i), 24, '0'), 'u', 'text', '"an ordinary message"',
         now() + i * interval '1 ms', now() + i * interval '1 ms',
         CASE WHEN room_id = 'r1' THEN (CASE WHEN seq % ${RARE_EVERY} = 0 THEN $4 ELSE $5 END)::int[] END
       FROM (
         SELECT i, CASE i % 2 WHEN 0 THEN 'r1' ELSE 'r' || (2 + (i / 2) % ${ROOMS - 1}) END AS room_id,
           CASE i % 2 WHEN 0 THEN i / 2 + 1 ELSE (i / 2) / ${ROOMS - 1} + 1 END AS seq
         FROM generate_series($2::int, $3::int - 1) AS i) given`,
      [benchApp, start, Math.min(to, start + STEP), rare, common],
    )
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
      'search in the large room, a rare word',
      () => searchRooms(db, benchApp, [LARGE], ['extraordinary'], PAGE),
    ],
    [
      'search in the large room, a word of every message',
      () => searchNewest(db, benchApp, LARGE, ['ordinary'], { window: 2_000, limit: PAGE }),
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
