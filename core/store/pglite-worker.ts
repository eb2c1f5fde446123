/**
 * PGlite in a thread of its own: its statements run synchronously for milliseconds and would hold up every
 * socket. Statements go as protocol messages, so that one is parsed and planned once; ordering and transactions
 * are the main thread's business.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite, protocol } from '@electric-sql/pglite'
import type {
  PgliteAnswer,
  PgliteColumn,
  PgliteReady,
  PgliteRefusal,
  PgliteRequest,
  PgliteStart,
} from './pglite-protocol.ts'

const { messages, serialize } = protocol

if (parentPort !== null) await serve(parentPort, workerData as PgliteStart)

async function serve(port: NonNullable<typeof parentPort>, start: PgliteStart): Promise<void> {
  let engine: PGlite
  try {
    engine = await PGlite.create({ dataDir: start.dataDirectory ?? 'memory://' })
  } catch (error) {
    port.postMessage({
      ready: false,
      reason: error instanceof Error ? error.message : String(error),
    } satisfies PgliteReady)
    return
  }
  const prepared = new Set<string>()
  let last = Promise.resolve()
  port.on('message', (request: PgliteRequest) => {
    last = last.then(async () => {
      port.postMessage(await answer(engine, prepared, request))
      if (request.op === 'close') port.close()
    })
  })
  port.postMessage({ ready: true } satisfies PgliteReady)
}

async function answer(engine: PGlite, prepared: Set<string>, request: PgliteRequest): Promise<PgliteAnswer> {
  const { id } = request
  try {
    if (request.op === 'close') {
      await engine.close()
      return { id, columns: [], rows: [], tag: '' }
    }
    const bytes = request.op === 'script' ? serialize.query(request.sql) : statement(request, prepared)
    const results = await engine.execProtocol(bytes, { throwOnError: false })
    return read(id, results.messages, request.op === 'statement' ? request.name : '', prepared)
  } catch (error) {
    return { id, broken: String(error) }
  }
}

function statement(request: PgliteRequest & { op: 'statement' }, prepared: Set<string>): Uint8Array {
  const { name, sql, values } = request
  return Buffer.concat([
    ...(prepared.has(name) ? [] : [serialize.parse({ name, text: sql })]),
    serialize.bind({ statement: name, values }),
    serialize.describe({ type: 'P' }),
    serialize.execute({}),
    serialize.sync(),
  ])
}

type Received = Awaited<ReturnType<PGlite['execProtocol']>>['messages']

function read(id: number, received: Received, name: string, prepared: Set<string>): PgliteAnswer {
  let columns: PgliteColumn[] = []
  let tag = ''
  let refused: PgliteRefusal | undefined
  const rows: (string | null)[][] = []
  for (const message of received) {
    if (message instanceof messages.RowDescriptionMessage)
      columns = message.fields.map((field) => ({ name: field.name, oid: field.dataTypeID }))
    else if (message instanceof messages.DataRowMessage) rows.push(message.fields)
    else if (message instanceof messages.CommandCompleteMessage) tag = message.text
    else if (message instanceof messages.DatabaseError) {
      // It has stopped in the middle, and would never answer again.
      if (message.severity === 'PANIC' || message.severity === 'FATAL') return { id, broken: message.message }
      refused = {
        sqlState: message.code ?? 'XX000',
        constraint: message.constraint,
        message: message.message,
      }
    }
    // The statement stays prepared even where its execution failed, or its transaction was rolled back.
    else if (message.name === 'parseComplete' && name !== '') prepared.add(name)
  }
  return refused === undefined ? { id, columns, rows, tag } : { id, refused }
}
