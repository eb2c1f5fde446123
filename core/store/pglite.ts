import { Worker } from 'node:worker_threads'
import { columnParser } from './column-types.ts'
import {
  DataDirectoryError,
  damaged,
  isNearlyFull,
  prepareDataDirectory,
  unusable,
} from './data-directory.ts'
import type { Database, Queryable, Row } from './database.ts'
import { type DirectoryLock, DirectoryLockedError, lockDirectory } from './directory-lock.ts'
import { encodeParameter } from './parameters.ts'
import type { PgliteAnswer, PgliteReady, PgliteRequest, PgliteStart } from './pglite-protocol.ts'
import { createStatementBook, refusal, rolledBack, unavailable } from './refusals.ts'

type Answered = PgliteAnswer & { tag: string }
type Waiter = { resolve: (answer: Answered) => void; reject: (error: Error) => void }
type Unnumbered = PgliteRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never

const LOOK_AT_DISK_EVERY_MS = 500
const READ_ONLY_TRANSACTION = '25006'

/**
 * PostgreSQL in this process, for one core alone. `directory` undefined keeps everything in memory.
 * @param onBroken The engine has given up. It works again in a process that is started anew.
 * @throws DirectoryLockedError where another process has the directory.
 * @throws DataDirectoryError where what is in it cannot be opened.
 */
export async function openPglite(
  directory: string | undefined,
  onBroken: () => void = () => {},
): Promise<Database> {
  const lock = directory === undefined ? undefined : await takeLock(directory)
  try {
    if (directory === undefined)
      return createPgliteDatabase(await startWorker({ dataDirectory: undefined }), { onBroken })
    const dataDirectory = await prepareDataDirectory(directory, async (draft) => {
      const engine = createPgliteDatabase(await startWorker({ dataDirectory: draft }), { onBroken() {} })
      await engine.close()
    })
    const worker = await startWorker({ dataDirectory }).catch(async (error: unknown) => {
      throw (await isNearlyFull(directory))
        ? unusable(directory, 'its disk is full')
        : damaged(directory, error)
    })
    return createPgliteDatabase(worker, { directory, release: lock?.release, onBroken })
  } catch (error) {
    await lock?.release()
    throw error
  }
}

async function takeLock(directory: string): Promise<DirectoryLock> {
  try {
    return await lockDirectory(directory)
  } catch (error) {
    if (error instanceof DirectoryLockedError) throw error
    throw unusable(directory, error instanceof Error ? error.message : String(error))
  }
}

async function startWorker(start: PgliteStart): Promise<Worker> {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
    workerData: start,
    execArgv: [],
  })
  const ready = await new Promise<PgliteReady>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  if (ready.ready) return worker
  await worker.terminate()
  throw new DataDirectoryError(ready.reason)
}

type Parts = {
  directory?: string
  release?: (() => Promise<void>) | undefined
  onBroken: () => void
}

function createPgliteDatabase(worker: Worker, { directory, release, onBroken }: Parts): Database {
  const check = createStatementBook()
  const waiting = new Map<number, Waiter>()
  let lastId = 0
  let dead: Error | undefined
  let isReadOnly = false
  /** Set while a transaction has the one session; whoever else comes waits here, in order. */
  let gate: Promise<void> | undefined

  const fail = (cause: unknown) => {
    if (dead === undefined) onBroken()
    dead ??= unavailable(cause)
    for (const waiter of waiting.values()) waiter.reject(dead)
    waiting.clear()
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the PGlite thread has ended')))
  worker.on('message', (answer: PgliteAnswer) => {
    const waiter = waiting.get(answer.id)
    if ('broken' in answer) return fail(new Error(answer.broken))
    waiting.delete(answer.id)
    if ('refused' in answer) {
      const { sqlState, constraint, message } = answer.refused
      const isForSpace = isReadOnly && sqlState === READ_ONLY_TRANSACTION
      const reason = isForSpace ? `the disk of ${directory} is nearly full, nothing is written` : message
      waiter?.reject(refusal(sqlState, constraint, new Error(reason)))
    } else waiter?.resolve(answer)
  })

  const send = (request: Unnumbered): Promise<Answered> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(dead)
      lastId += 1
      waiting.set(lastId, { resolve, reject })
      worker.postMessage({ ...request, id: lastId } satisfies PgliteRequest)
    })
  const query: Queryable['query'] = async <R extends Row>(
    name: string,
    sql: string,
    params: readonly unknown[] = [],
  ) => {
    check(name, sql)
    return toRows<R>(await send({ op: 'statement', name, sql, values: params.map(encodeParameter) }))
  }
  const script = (sql: string) => send({ op: 'script', sql })

  async function lookAtDisk(path: string): Promise<void> {
    const isFull = await isNearlyFull(path)
    if (isFull === isReadOnly || dead !== undefined) return
    // Inside a transaction it would be undone with it.
    while (gate !== undefined) await gate
    await script(`SET default_transaction_read_only TO ${isFull ? 'on' : 'off'}`)
    isReadOnly = isFull
  }
  const looking =
    directory !== undefined &&
    setInterval(() => void lookAtDisk(directory).catch(() => {}), LOOK_AT_DISK_EVERY_MS)
  if (looking) looking.unref()

  return {
    kind: 'pglite',
    async query(name, sql, params) {
      while (gate !== undefined) await gate
      return query(name, sql, params)
    },
    async transaction(work) {
      // Nothing may be awaited between the last look at the gate and the new one: two would enter.
      while (gate !== undefined) await gate
      let open = () => {}
      gate = new Promise((resolve) => {
        open = resolve
      })
      try {
        await script('BEGIN')
        const result = await work({ query })
        if ((await script('COMMIT')).tag === 'ROLLBACK') throw rolledBack()
        return result
      } catch (error) {
        await script('ROLLBACK').catch(() => {})
        throw error
      } finally {
        gate = undefined
        open()
      }
    },
    async run(sql) {
      while (gate !== undefined) await gate
      await script(sql)
    },
    async close() {
      if (looking) clearInterval(looking)
      while (gate !== undefined) await gate
      if (dead === undefined) await send({ op: 'close' }).catch(() => {})
      dead ??= unavailable(new Error('the database is closed'))
      await worker.terminate()
      await release?.()
    },
  }
}

function toRows<R extends Row>(answer: Answered): R[] {
  if (!('rows' in answer)) return []
  const parsers = answer.columns.map((column) => columnParser(column.oid))
  return answer.rows.map((values) => {
    const row: Row = {}
    answer.columns.forEach((column, i) => {
      const text = values[i]
      row[column.name] = text === null || text === undefined ? null : parsers[i]?.(text)
    })
    return row as R
  })
}
