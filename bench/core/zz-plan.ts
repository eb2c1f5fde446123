import { openBenchDatabase, addRooms, benchApp } from './postgres.ts'
import { insertMessages } from '../../core/store/insert-messages.ts'
import { gramsOf } from '../../core/store/grams.ts'
import { createIdSource } from '../../core/chat/new-id.ts'
import { timesOf, quantile } from './figures.ts'
const undo: any[] = []
const scope = { teardown: (s: any) => undo.push(s) }
try {
const { db } = await openBenchDatabase(scope, { durable: false, poolSize: 1 })
await addRooms(db, 1000)
const newId = createIdSource(Date.now)
const m = (roomId: string, client = true, grams = true) => ({ id: newId(), roomId, senderId: 'u', clientMessageId: client ? newId() : undefined, messageType: 'text', message: '"hello there this is a text"', fields: '{}', replyId: undefined, mentions: [], counts: true, onlyIfMember: 'u', followUps: {}, searchText: grams ? 'Hello there, this is about as long as a message is.' : undefined })
const t = async (label: string, n: number, f: () => Promise<unknown>) => { await timesOf(5, f); const x = await timesOf(n, f); console.log(label, quantile(x, .5).toFixed(2), quantile(x, .95).toFixed(2)) }
await insertMessages(db, benchApp, 'r1', Array.from({ length: 1000 }, () => m('r1')), new Date())
const plan = async () => { const rows = await db.query<any>('', `EXPLAIN SELECT (SELECT known.id FROM messages known WHERE known.app = 'bench' AND known.room_id = 'r1' AND known.sender_id = g.s AND known.client_message_id = g.c) FROM (VALUES ('u','x'),('u','y')) g(s,c)`); console.log(rows.map((r: any) => r['QUERY PLAN']).join('\n')) }
await plan()
await db.query('', 'ANALYZE messages')
await plan()
for (const [c, g] of [[true, true], [true, false], [false, true], [false, false]] as const)
await t(`insert x100 client=${c} grams=${g}`, 15, () => insertMessages(db, benchApp, 'r1', Array.from({ length: 100 }, () => m('r1', c, g)), new Date()))
const grams = gramsOf(benchApp, 'r1', 'Hello there, this is about as long as a message is.')
await t('gramsOf x100', 20, async () => { for (let i = 0; i < 100; i++) gramsOf(benchApp, 'r1', 'Hello there, this is about as long as a message is.') })
await db.query('', `create table g (id bigint generated always as identity, grams int[])`)
await db.query('', `create index on g using gin (grams)`)
await t('plain gin x100', 20, () => db.query('', `insert into g (grams) select $1::int[] from generate_series(1,100)`, [grams]))
await db.query('', `create table h (id bigint generated always as identity, grams int[])`)
await t('no gin x100', 20, () => db.query('', `insert into h (grams) select $1::int[] from generate_series(1,100)`, [grams]))
} finally { for (const s of undo.reverse()) await s() }
