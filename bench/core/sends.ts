import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdSource } from '../../core/chat/new-id.ts'
import { createSends } from '../../core/chat/sends.ts'
import type { Database } from '../../core/store/database.ts'
import { insertMessage, type NewMessage } from '../../core/store/messages.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { median, type Row } from './figures.ts'
import { addMessages, addRooms, benchApp, openBench, openBenchDatabase, pgbench } from './postgres.ts'

const ROOMS = 1_000
/** Connections of pgbench, and of the core's pool. */
const CLIENTS = 10
/** Requests at once, as a core has them: each waits for its message's place before it sends the next. */
const SENDERS = 200
const TEXT = 'Hello there, this is about as long as a message is.'

/** The least that gives a message its place in its room, durably: what this PostgreSQL can do on this machine. */
const BARE_TABLES = `
  CREATE TABLE bare_rooms (id int PRIMARY KEY, last_seq bigint NOT NULL DEFAULT 0) WITH (fillfactor = 70);
  CREATE TABLE bare_messages (room int, seq bigint, body text, at timestamptz, PRIMARY KEY (room, seq));
  INSERT INTO bare_rooms (id) SELECT generate_series(1, ${ROOMS});`
const BARE_SEND = `\\set room random(1, ${ROOMS})
WITH room AS (UPDATE bare_rooms SET last_seq = last_seq + 1 WHERE id = :room RETURNING last_seq)
INSERT INTO bare_messages SELECT :room, last_seq, '${TEXT}', now() FROM room;
`

const newId = createIdSource(Date.now)
const messageFor = (roomId: string): NewMessage => ({
  id: newId(),
  roomId,
  senderId: 'u',
  clientMessageId: newId(),
  messageType: 'text',
  message: JSON.stringify(TEXT),
  fields: '{}',
  replyId: undefined,
  mentions: [],
  counts: true,
  onlyIfMember: 'u',
  followUps: {},
  searchText: TEXT,
})

/** Sends a second, by so many senders of which each waits for its last. */
async function rateOf(senders: number, seconds: number, send: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  const endMs = startMs + seconds * 1_000
  let count = 0
  await Promise.all(
    Array.from({ length: senders }, async () => {
      while (performance.now() < endMs) {
        await send()
        count += 1
      }
    }),
  )
  return count / ((performance.now() - startMs) / 1_000)
}

export async function benchSends(scope: Scope, options: { rounds: number; seconds: number }): Promise<Row[]> {
  const { url, db } = await openBenchDatabase(scope, { durable: true, poolSize: CLIENTS })
  const directory = await mkdtemp(join(tmpdir(), 'imkit-bench-'))
  scope.teardown(() => rm(directory, { recursive: true, force: true }))
  await addRooms(db, ROOMS)
  await db.run(BARE_TABLES)
  const sends = createSends(db)
  const anyRoom = () => `r${1 + Math.floor(Math.random() * ROOMS)}`
  // Plans made for empty tables are no plans: autovacuum sees to that within the first minute.
  await addMessages(db, ROOMS, 100_000)
  await rateOf(SENDERS, 1, () => sends.post(benchApp, messageFor(anyRoom()), new Date()))
  const { seconds } = options
  const rates: Rates = { bare: [], across: [], single: [], hot: [] }
  for (let round = 0; round < options.rounds; round++) {
    rates.bare.push(await pgbench(url, directory, BARE_SEND, { clients: CLIENTS, seconds }))
    rates.across.push(
      await rateOf(SENDERS, seconds, () => sends.post(benchApp, messageFor(anyRoom()), new Date())),
    )
    rates.single.push(await rateOf(SENDERS, seconds, () => insertAlone(db)))
    rates.hot.push(await rateOf(SENDERS, seconds, () => sends.post(benchApp, messageFor('r1'), new Date())))
    await db.query('', 'TRUNCATE outbox')
  }
  return toRows(rates, `bare insert and bump, pgbench, ${CLIENTS} clients`)
}

type Rates = Record<'bare' | 'across' | 'single' | 'hot', number[]>

function toRows(rates: Rates, bare: string): Row[] {
  const ratio = (a: number[], b: number[]) => median(a.map((rate, i) => rate / (b[i] ?? Number.NaN)))
  return [
    { what: bare, perSecond: median(rates.bare) },
    {
      what: `sends across ${ROOMS} rooms, ${SENDERS} at once`,
      perSecond: median(rates.across),
      ratio: ratio(rates.across, rates.bare),
      aim: 'at least 0.5 of bare',
    },
    {
      what: `one room, a statement for each, ${SENDERS} at once`,
      perSecond: median(rates.single),
    },
    {
      what: `one room, collected, ${SENDERS} at once`,
      perSecond: median(rates.hot),
      ratio: ratio(rates.hot, rates.single),
      aim: 'at least 5 of one by one',
    },
  ]
}

/** The same on the embedded database, against the bare statement in the same engine, asked one after the other. */
export async function benchEmbeddedSends(
  scope: Scope,
  options: { rounds: number; seconds: number },
): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-bench-'))
  scope.teardown(() => rm(directory, { recursive: true, force: true }))
  const db = await openBench(scope, `pglite:${join(directory, 'data')}`)
  await addRooms(db, ROOMS)
  await db.run(BARE_TABLES)
  const sends = createSends(db)
  const anyPlace = () => 1 + Math.floor(Math.random() * ROOMS)
  const across = () => sends.post(benchApp, messageFor(`r${anyPlace()}`), new Date())
  const bare = () => db.query('bare-send', EMBEDDED_BARE_SEND, [anyPlace(), TEXT])
  await addMessages(db, ROOMS, 20_000)
  await rateOf(SENDERS, 1, across)
  const { seconds } = options
  const rates: Rates = { bare: [], across: [], single: [], hot: [] }
  for (let round = 0; round < options.rounds; round++) {
    rates.bare.push(await rateOf(SENDERS, seconds, bare))
    rates.across.push(await rateOf(SENDERS, seconds, across))
    rates.single.push(await rateOf(SENDERS, seconds, () => insertAlone(db)))
    rates.hot.push(await rateOf(SENDERS, seconds, () => sends.post(benchApp, messageFor('r1'), new Date())))
    await db.query('', 'TRUNCATE outbox')
  }
  return toRows(rates, 'bare insert and bump, PGlite')
}

const EMBEDDED_BARE_SEND = `
  WITH room AS (UPDATE bare_rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq)
  INSERT INTO bare_messages SELECT $1, last_seq, $2, now() FROM room`

const insertAlone = (db: Database) => insertMessage(db, benchApp, messageFor('r2'), new Date())
