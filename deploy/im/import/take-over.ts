/** Writes an examined export, a few hundred lines to a transaction, and goes on where it was stopped. */
import type { Database } from '../../../core/store/database.ts'
import {
  findImportedFile,
  type ImportKind,
  importRows,
  noteImported,
  numberRoom,
  roomsToNumber,
} from '../../../core/store/import.ts'
import { type Examined, linesOf } from './export-files.ts'
import { parseLine, toRow } from './line.ts'

export type Taken = {
  added: Record<ImportKind, number>
  /** Lines that an earlier run had taken over. */
  before: number
  /** By room: messages older than what it has. */
  late: Record<string, number>
  stopped: boolean
}

type Watch = { lines(done: number): void; rooms(done: number, whole: number): void; stopped: AbortSignal }

const BATCH_LINES = 500

export async function takeOver(
  db: Database,
  app: string,
  files: readonly Examined[],
  watch: Watch,
): Promise<Taken> {
  const taken: Taken = {
    added: { user: 0, token: 0, room: 0, member: 0, message: 0 },
    before: 0,
    late: Object.create(null),
    stopped: false,
  }
  let done = 0
  let isNumbered = true
  for (const { file, digest, lines } of files) {
    const state = await findImportedFile(db, app, digest)
    isNumbered &&= state.numbered
    taken.before += Math.max(0, state.lines - 1)
    done += state.lines
    watch.lines(done)
    if (state.lines >= lines) continue
    let batch: string[] = []
    let last = state.lines
    const write = async (): Promise<void> => {
      const added = await db.transaction(async (tx) => {
        const counts = await writeBatch(tx, app, batch)
        await noteImported(tx, app, digest, { lines: last, numbered: false })
        return counts
      })
      for (const [kind, count] of added) taken.added[kind] += count
      batch = []
    }
    for await (const { number, text } of linesOf(file)) {
      if (number <= state.lines) continue
      batch.push(text)
      last = number
      done += 1
      if (batch.length < BATCH_LINES) continue
      await write()
      watch.lines(done)
      if (watch.stopped.aborted) return { ...taken, stopped: true }
    }
    await write()
  }
  if (isNumbered) return taken

  const rooms = await roomsToNumber(db, app)
  for (const [i, room] of rooms.entries()) {
    const late = await db.transaction((tx) => numberRoom(tx, app, room))
    if (late > 0) taken.late[room] = late
    watch.rooms(i + 1, rooms.length)
    if (watch.stopped.aborted) return { ...taken, stopped: true }
  }
  await db.transaction(async (tx) => {
    for (const { digest, lines } of files) await noteImported(tx, app, digest, { lines, numbered: true })
  })
  return taken
}

/** Lines of a kind go together; a change of the kind ends that, because what follows may need what was before. */
async function writeBatch(
  tx: Parameters<typeof importRows>[0],
  app: string,
  batch: readonly string[],
): Promise<[ImportKind, number][]> {
  const added: [ImportKind, number][] = []
  let kind: ImportKind | undefined
  let rows: object[] = []
  const flush = async (): Promise<void> => {
    if (kind !== undefined && rows.length > 0) added.push([kind, await importRows(tx, app, kind, rows)])
    rows = []
  }
  for (const text of batch) {
    const line = parseLine(text)
    if (line.type !== kind) await flush()
    kind = line.type
    rows.push(toRow(app, line))
  }
  await flush()
  return added
}
