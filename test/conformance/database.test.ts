import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { CoreError } from '../../core/errors.ts'
import {
  type Database,
  DatabaseError,
  FOREIGN_KEY_VIOLATION,
  UNIQUE_VIOLATION,
} from '../../core/store/database.ts'
import { migrate } from '../../core/store/migrate.ts'
import { openDatabase } from '../../core/store/open-database.ts'
import type { Scope } from '../support/child-process.ts'
import { startPostgres } from '../support/postgres.ts'

const KINDS = {
  postgres: async (t: Scope) => (await startPostgres(t)).url,
  pglite: async (t: Scope) => {
    const directory = await mkdtemp(join(tmpdir(), 'imkit-pglite-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    return `pglite:${directory}`
  },
}

for (const [kind, start] of Object.entries(KINDS)) {
  t.test(`the database, as ${kind}`, async (t) => {
    const url = await start(t)
    const db = await openDatabase(url)
    t.teardown(() => db.close())
    await db.run(`
      CREATE TABLE parents (id text PRIMARY KEY);
      CREATE TABLE things (
        id integer CONSTRAINT things_key PRIMARY KEY,
        parent text CONSTRAINT things_parent REFERENCES parents (id)
      )`)
    const count = async (table = 'things') =>
      (await db.query<{ n: number }>('', `SELECT count(*) AS n FROM ${table}`))[0]?.n

    t.test('says what it is', async (t) => t.equal(db.kind, kind))

    t.test('gives every type the same value', async (t) => {
      const [row] = await db.query(
        'all-types',
        `SELECT 1::smallint AS small, 2 AS int, 3::bigint AS big, 4.5::numeric AS numeric, 1.5::float8 AS float,
           true AS yes, 'text' AS text, NULL::text AS nothing, 'b'::varchar AS varchar,
           '2026-01-02T03:04:05.678Z'::timestamptz AS at, '{"a":[1,"2",null]}'::jsonb AS object,
           '[1,2]'::json AS list, '"s"'::jsonb AS string, array['a','b,"\\c',NULL]::text[] AS texts,
           array[1,2]::int[] AS ints, array[3,4]::bigint[] AS bigs, array[1.5]::numeric[] AS numerics,
           '\\x00ff'::bytea AS bytes, count(*) AS counted, '{}'::text[] AS empty`,
      )
      t.strictSame(row, {
        small: 1,
        int: 2,
        big: 3,
        numeric: 4.5,
        float: 1.5,
        yes: true,
        text: 'text',
        nothing: null,
        varchar: 'b',
        at: new Date('2026-01-02T03:04:05.678Z'),
        object: { a: [1, '2', null] },
        list: [1, 2],
        string: 's',
        texts: ['a', 'b,"\\c', null],
        ints: [1, 2],
        bigs: [3, 4],
        numerics: [1.5],
        bytes: Buffer.from([0, 255]),
        counted: 1,
        empty: [],
      })
    })

    t.test('takes every type of parameter', async (t) => {
      const [row] = await db.query(
        'all-parameters',
        `SELECT $1::text AS text, $2::int AS int, $3::boolean AS flag, $4::timestamptz AS at, $5::jsonb AS object,
           $6::text[] AS texts, $7::text AS missing, $8::bytea AS bytes, $9::jsonb AS list, $10::bigint AS big,
           $11::text[] AS none`,
        [
          'täxt\n\'"\\',
          -7,
          false,
          new Date(1_700_000_000_123),
          { a: { b: ['ü'] } },
          ['a', 'b "c" \\ {d},', null, ''],
          undefined,
          Buffer.from([1, 2, 254]),
          JSON.stringify(['x', 1]),
          9_007_199_254_740_991,
          [],
        ],
      )
      t.strictSame(row, {
        text: 'täxt\n\'"\\',
        int: -7,
        flag: false,
        at: new Date(1_700_000_000_123),
        object: { a: { b: ['ü'] } },
        texts: ['a', 'b "c" \\ {d},', null, ''],
        missing: null,
        bytes: Buffer.from([1, 2, 254]),
        list: ['x', 1],
        big: 9_007_199_254_740_991,
        none: [],
      })
    })

    t.test('a column named like a prototype property is only a column', async (t) => {
      const [row] = await db.query('proto', `SELECT 1 AS "__proto__", 2 AS "constructor"`)
      t.equal(Object.getPrototypeOf(row ?? {}), Object.prototype)
      t.equal(row?.constructor, 2)
    })

    t.test('one name is one text, no name is any text', async (t) => {
      await db.query('named', 'SELECT 1')
      await t.rejects(db.query('named', 'SELECT 2'), /two statements are named "named"/)
      await db.query('', 'SELECT 1')
      t.strictSame(await db.query('', 'SELECT 2 AS two'), [{ two: 2 }])
    })

    t.test('what it refuses is named by SQLSTATE and constraint', async (t) => {
      await db.query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [1, null])
      const twice = await db
        .query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [1, null])
        .catch(identity)
      t.ok(twice instanceof DatabaseError)
      t.match(twice, { sqlState: UNIQUE_VIOLATION, constraint: 'things_key' })
      const orphan = await db
        .query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [2, 'no'])
        .catch(identity)
      t.match(orphan, { sqlState: FOREIGN_KEY_VIOLATION, constraint: 'things_parent' })
      t.match(await db.query('', 'SELEC 1').catch(identity), { sqlState: '42601' })
      t.strictSame(await db.query('after', 'SELECT 1 AS one'), [{ one: 1 }], 'and it goes on')
    })

    t.test('a statement that failed once can be used again', async (t) => {
      t.match(await db.query('divide', 'SELECT 1 / $1::int AS q', [0]).catch(identity), { sqlState: '22012' })
      t.strictSame(await db.query('divide', 'SELECT 1 / $1::int AS q', [1]), [{ q: 1 }])
    })

    t.test('a transaction commits when its work resolves', async (t) => {
      const result = await db.transaction(async (tx) => {
        await tx.query('add-parent', 'INSERT INTO parents (id) VALUES ($1)', ['p'])
        await tx.query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [10, 'p'])
        return 'done'
      })
      t.equal(result, 'done')
      t.equal(await count('parents'), 1)
    })

    t.test('a transaction rolls back when its work throws, and throws that', async (t) => {
      const before = await count()
      const error = new Error('changed my mind')
      const thrown = await db
        .transaction(async (tx) => {
          await tx.query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [11, null])
          throw error
        })
        .catch(identity)
      t.equal(thrown, error)
      t.equal(await count(), before)
    })

    t.test('a transaction that swallowed a failed statement does not pass for committed', async (t) => {
      const before = await count()
      await t.rejects(
        db.transaction(async (tx) => {
          await tx.query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [12, null])
          await tx
            .query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [12, null])
            .catch(() => {})
        }),
        { name: 'DatabaseError' },
      )
      t.equal(await count(), before)
    })

    t.test('nobody else sees or enters an open transaction', async (t) => {
      const before = await count()
      let open = true
      let seenWhileOpen: number | undefined
      let outside: Promise<void> | undefined
      await db
        .transaction(async (tx) => {
          await tx.query('add-thing', 'INSERT INTO things (id, parent) VALUES ($1, $2)', [20, null])
          outside = count().then((seen) => {
            if (open) seenWhileOpen = seen
          })
          await tx.query('again', 'SELECT 1')
          await new Promise((resolve) => setImmediate(resolve))
          open = false
          throw new Error('rolled back')
        })
        .catch(() => {})
      await outside
      t.ok(seenWhileOpen === undefined || seenWhileOpen === before)
      t.equal(await count(), before)
    })

    t.test('transactions that began at once stay apart: what one rolls back, no other loses', async (t) => {
      await db.run('CREATE TABLE apart (id integer PRIMARY KEY)')
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, (_, id) =>
          db.transaction(async (tx) => {
            await tx.query('apart', 'INSERT INTO apart (id) VALUES ($1)', [id])
            await tx.query('again', 'SELECT 1')
            if (id % 3 === 0) throw new Error('rolled back')
          }),
        ),
      )
      t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 20)
      const kept = await db.query<{ id: number }>('', 'SELECT id FROM apart ORDER BY id')
      t.same(
        kept.map(({ id }) => id),
        Array.from({ length: 30 }, (_, id) => id).filter((id) => id % 3 !== 0),
      )
    })

    t.test('many transactions at once all take effect', async (t) => {
      await db.run('CREATE TABLE counters (n integer NOT NULL); INSERT INTO counters VALUES (0)')
      const add = (tx: { query: Database['query'] }) => tx.query('count-up', 'UPDATE counters SET n = n + 1')
      await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? db.transaction(add) : add(db))))
      t.strictSame(await db.query('counted', 'SELECT n FROM counters'), [{ n: 60 }])
    })

    t.test('a script stands or falls as a whole', async (t) => {
      const script = 'CREATE TABLE half (a integer); SELECT 1 / 0; CREATE TABLE other (a integer)'
      t.match(await db.run(script).catch(identity), { sqlState: '22012' })
      t.match(await db.query('', 'SELECT * FROM half').catch(identity), { sqlState: '42P01' })
    })

    t.test('migrations bring it forward once, and the whole schema applies', async (t) => {
      const applied = await migrate(db)
      t.equal(applied[0], '0001-credentials.sql')
      t.strictSame(await migrate(db), [])
      t.strictSame(await db.query('feed', 'SELECT position FROM feed'), [{ position: 0 }])
    })

    t.test('closed, it is unavailable', async (t) => {
      const other = await openDatabase(kind === 'postgres' ? url : 'pglite:memory')
      await other.query('one', 'SELECT 1')
      await other.close()
      const error = await other.query('one', 'SELECT 1').catch(identity)
      t.ok(error instanceof CoreError)
      t.match(error, { code: 'STORE_UNAVAILABLE' })
      await t.rejects(
        other.transaction(async () => {}),
        { code: 'STORE_UNAVAILABLE' },
      )
    })
  })
}

function identity(error: unknown): unknown {
  return error
}

t.test(
  'a transaction that the server ended because it stood still is no fault of its statements',
  async (t) => {
    const { url } = await startPostgres(t)
    const db = await openDatabase(url, { connectTimeoutMs: 5_000, statementTimeoutMs: 500 })
    t.teardown(() => db.close())
    // The loop stands still meanwhile, so that the next statement is asked before the end has been heard of.
    const standing = db.transaction(async (tx) => {
      await tx.query('', 'SELECT 1')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
      await tx.query('', 'SELECT 2')
    })
    await t.rejects(standing, { code: 'STORE_UNAVAILABLE' })
    t.same(await db.query('', 'SELECT 3 AS three'), [{ three: 3 }])
  },
)
