import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { columnParser } from './column-types.ts'
import type { Database, Queryable, Row } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { encodeParameter } from './parameters.ts'
import type { PgliteAnswer, PgliteReady, PgliteRequest, PgliteStart } from './pglite-protocol.ts'
import { createStatementBook, refusal, rolledBack, unavailable } from './refusals.ts'

type Answered = PgliteAnswer & { tag: string }
type Waiter = { resolve: (answer: Answered) => void; reject: (error: Error) => void }
type Unnumbered = PgliteRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never

/**
 * PostgreSQL in this process, for one core alone. `directory` undefined keeps everything in memory.
 * @throws DirectoryLockedError where another process has the directory.
 */
export async function openPglite(directory: string | undefined): Promise<Database> {
  const lock = directory === undefined ? undefined : await lockDirectory(directory)
  try {
    const dataDirectory = directory === undefined ? undefined : join(directory, 'pgdata')
    if (dataDirectory !== undefined) await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
    const worker = await startWorker({ dataDirectory })
    return createPgliteDatabase(worker, async () => lock?.release())
  } catch (error) {
    await lock?.release()
    throw error
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
  throw new Error(`PGlite cannot open its directory: ${ready.reason}`)
}

function createPgliteDatabase(worker: Worker, release: () => Promise<void>): Database {
  const check = createStatementBook()
  const waiting = new Map<number, Waiter>()
  let lastId = 0
  let dead: Error | undefined
  /** Set while a transaction has the one session; whoever else comes waits here, in order. */
  let gate: Promise<void> | undefined

  const fail = (cause: unknown) => {
    dead ??= unavailable(cause)
    for (const waiter of waiting.values()) waiter.reject(dead)
    waiting.clear()
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the PGlite thread has ended')))
  worker.on('message', (answer: PgliteAnswer) => {
    const waiter = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('broken' in answer) waiter?.reject(unavailable(new Error(answer.broken)))
    else if ('refused' in answer) {
      const { sqlState, constraint, message } = answer.refused
      waiter?.reject(refusal(sqlState, constraint, new Error(message)))
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
      while (gate !== undefined) await gate
      if (dead === undefined) await send({ op: 'close' }).catch(() => {})
      dead ??= unavailable(new Error('the database is closed'))
      await worker.terminate()
      await release()
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
