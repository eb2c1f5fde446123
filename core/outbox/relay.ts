/**
 * The outbox's one reader: what was committed is followed up, whatever became of the core that committed it. A
 * shard has one holder at a time, for the length of a transaction; rows are taken in their order and deleted with
 * what follows them in one commit, so that a core that dies leaves them to the next.
 */
import type { Publish } from '../chat/events.ts'
import { CoreError } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import { type Database, DatabaseError, type Queryable } from '../store/database.ts'
import {
  deleteOutboxRows,
  findBusyShards,
  headOfShards,
  holdShards,
  type OutboxRow,
  parkOutboxRow,
} from '../store/outbox.ts'
import type { Emitted } from './emitted.ts'
import { createLoop, type Loop, type LoopTiming } from './loop.ts'
import { missingEvents, rowKey } from './missing-events.ts'

export type Follow = (tx: Queryable, rows: readonly OutboxRow[], at: Date) => Promise<void>

export type RelayParts = {
  db: Database
  publish: Publish
  emitted: Emitted
  /** Writes what follows the rows, in the relay's transaction. */
  follow: Follow
  /** Called after a commit in which something was followed up. */
  onFollowed: () => void
  clock: () => number
  log: Logger
  timing?: Partial<LoopTiming & { graceMs: number }> | undefined
}

/** For as long a row waits for the core that committed it to tell its sockets. */
const GRACE_MS = 500
const SHARDS_AT_ONCE = 16
const ROWS_PER_SHARD = 50
/** What the database refuses for what a row holds: data, constraints, limits, and statements that are wrong of them. */
const OF_A_ROW = new Set(['22', '23', '42', '54', 'P0', 'XX'])

export function createRelay(parts: RelayParts): Loop {
  const { db, publish, emitted, follow, onFollowed, clock, log } = parts
  const graceMs = parts.timing?.graceMs ?? GRACE_MS
  /** Since when rows are known whose events nobody was heard to tell. */
  const untold = new Map<number, number>()
  let offset = 0

  async function step(): Promise<boolean> {
    const busy = await findBusyShards(db)
    if (busy.length === 0) return false
    // Cores that look at the same time begin at different shards.
    offset = (offset + SHARDS_AT_ONCE) % busy.length
    const shards = [...busy.slice(offset), ...busy.slice(0, offset)].slice(0, SHARDS_AT_ONCE)
    const done = await relay(shards, ROWS_PER_SHARD)
    return done > 0 && (busy.length > SHARDS_AT_ONCE || done >= ROWS_PER_SHARD)
  }

  /** @returns how many rows were done. */
  async function relay(shards: readonly number[], perShard: number): Promise<number> {
    let rows: OutboxRow[] = []
    let ready: OutboxRow[] = []
    try {
      await db.transaction(async (tx) => {
        const held = await holdShards(tx, shards)
        rows = held.length === 0 ? [] : await headOfShards(tx, held, perShard)
        ready = takeReady(rows)
        if (ready.length === 0) return
        await follow(tx, ready, new Date(clock()))
        // Before the commit: who dies in between repeats an event, and clients drop what they have seen.
        for (const event of await missingEvents(tx, ready, emitted)) publish(event)
        await deleteOutboxRows(tx, ready)
      })
    } catch (error) {
      if (!isFault(error)) throw error
      if (rows.length > 1) return relayOneByOne(shards)
      await park(rows, error)
      return rows.length
    }
    for (const row of ready) {
      untold.delete(row.position)
      emitted.forget(rowKey(row))
    }
    if (ready.length > 0) onFollowed()
    return ready.length
  }

  /** A row of which nothing can be made must not hold up its shard. */
  async function relayOneByOne(shards: readonly number[]): Promise<number> {
    let done = 0
    for (const shard of shards) done += await relay([shard], 1)
    return done
  }

  async function park(rows: readonly OutboxRow[], err: unknown): Promise<void> {
    const [row] = rows
    if (row === undefined) throw err
    const { topic, app, roomId, position } = row
    log.error({ event: 'outbox-parked', err, topic, app, roomId, position }, 'a commit cannot be followed up')
    await parkOutboxRow(db, row)
  }

  /**
   * Rows whose events were told, or have waited long enough to be told here; after a row that still waits, none of
   * its room.
   */
  function takeReady(rows: readonly OutboxRow[]): OutboxRow[] {
    const nowMs = clock()
    const waiting = new Set<string>()
    for (const [position, sinceMs] of untold) if (nowMs - sinceMs > 60_000 + graceMs) untold.delete(position)
    return rows.filter((row) => {
      const told = emitted.has(rowKey(row))
      // Rows behind one that waits have their time run as well.
      const sinceMs = untold.get(row.position) ?? nowMs
      if (!told) untold.set(row.position, sinceMs)
      const room = JSON.stringify([row.app, row.roomId])
      if (waiting.has(room)) return false
      if (told || nowMs - sinceMs >= graceMs) return true
      waiting.add(room)
      return false
    })
  }

  return createLoop({ name: 'relay', step, log, timing: parts.timing })
}

/** Not the database's state, which passes, but what these rows ask of it: parked is as good as never followed up. */
const isFault = (error: unknown): boolean =>
  error instanceof DatabaseError
    ? OF_A_ROW.has(error.sqlState.slice(0, 2))
    : !(error instanceof CoreError && error.code === 'STORE_UNAVAILABLE')
