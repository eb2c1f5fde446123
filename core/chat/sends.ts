/**
 * New messages on their way into the store. A room has one statement under way at a time from here, and the process a
 * few: what comes meanwhile waits, and goes together in one statement, each room's in its order. A quiet process waits
 * for nothing; a busy one pays for locks, commits and round trips once for many.
 */
import type { Tracer, TraceSpan } from '#contract/tracer.ts'
import { type Database, DatabaseError, UNIQUE_VIOLATION } from '../store/database.ts'
import { insertMessages } from '../store/insert-messages.ts'
import { findByClientId, insertMessage, type MessageRow, type NewMessage } from '../store/messages.ts'
import type { Sends, Sent } from './context.ts'
import type { Message } from './model.ts'
import { populateMessages } from './populate.ts'

type Inserted = { row: (MessageRow & { passedOthers?: boolean }) | undefined; repeated: boolean }
type Waiting = {
  message: NewMessage
  at: Date
  /** What it belongs to in traces. */
  span: TraceSpan | undefined
  resolve: (sent: Sent) => void
  reject: (error: unknown) => void
}
/** `told` ends when the senders before have their answers. */
type Line = { key: string; app: string; waiting: Waiting[]; told: Promise<void> }
type Group = { line: Line; sends: Waiting[] }

const MAX_TOGETHER = 200
/** Fewer would leave the database idle while this process reads an answer; more leave less to go together. */
const MAX_STATEMENTS = 2

export function createSends(db: Database, tracer?: Tracer | undefined): Sends {
  /** Rooms with a statement under way, or waiting for one. */
  const lines = new Map<string, Line>()
  /** Those that wait, in their order. */
  const ready = new Set<Line>()
  let statements = 0

  function start(): void {
    while (statements < MAX_STATEMENTS) {
      const groups = takeGroups()
      if (groups.length === 0) return
      statements += 1
      void traced(groups, () => insertTogether(groups)).finally(() => {
        statements -= 1
        start()
      })
    }
  }

  /** The longest waiting, and whoever of its app goes with it. */
  function takeGroups(): Group[] {
    const groups: Group[] = []
    let room = MAX_TOGETHER
    const [first] = ready
    for (const line of ready) {
      if (line.app !== first?.app) continue
      const sends = takeSends(line, room)
      room -= sends.length
      groups.push({ line, sends })
      ready.delete(line)
      if (room === 0) break
    }
    return groups
  }

  /** A statement belongs to the first that it is for, and tells of the others by links. */
  async function traced(groups: Group[], work: () => Promise<void>): Promise<void> {
    const [first, ...others] = groups.flatMap(({ sends }) => sends.flatMap(({ span }) => span ?? []))
    if (tracer === undefined || first === undefined) return work()
    const links = others.map(({ context }) => context)
    const span = tracer.start('send together', { parent: first.context, links })
    await tracer.run(span, work).finally(span.end)
  }

  async function insertTogether(groups: Group[]): Promise<void> {
    const every = groups.flatMap(({ sends }) => sends)
    const app = groups[0]?.line.app ?? ''
    let rows: MessageRow[] = []
    try {
      rows = await insertMessages(db, app, every.map(messageOf), latest(every), { waits: false })
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        for (const group of groups) finish(group, error)
        return
      }
    }
    const added = new Map(rows.map((row) => [row.id, row]))
    const done = groups.filter(({ sends }) => sends.every(({ message }) => added.has(message.id)))
    answer(
      app,
      done.map((group) => ({
        ...group,
        inserted: group.sends.map(({ message }) => ({ row: added.get(message.id), repeated: false })),
      })),
    )
    // Their rooms were held by others, or some of them are not to be added: each room by itself, and nobody waits.
    for (const group of groups) if (!done.includes(group)) void insertByThemselves(group, added)
  }

  async function insertByThemselves(group: Group, added: Map<string, MessageRow>): Promise<void> {
    const { app } = group.line
    const left = group.sends.filter(({ message }) => !added.has(message.id))
    if (left.length > 1 && left.length === group.sends.length)
      try {
        const rows = await insertMessages(db, app, left.map(messageOf), latest(left), { waits: true })
        for (const row of rows) added.set(row.id, row)
      } catch (error) {
        // One of them cannot be kept, or another core was first with it: each is tried alone.
        if (!(error instanceof DatabaseError)) return finish(group, error)
      }
    const inserted: Inserted[] = []
    for (const { message, at, reject } of group.sends) {
      const row = added.get(message.id)
      if (row !== undefined) inserted.push({ row, repeated: false })
      else
        inserted.push(
          await insertAlone(db, app, message, at).catch((error: unknown) => {
            reject(error)
            return { row: undefined, repeated: false }
          }),
        )
    }
    answer(app, [{ ...group, inserted }])
  }

  /** The rooms go on at once; their senders are told in the order of seq. */
  function answer(app: string, groups: Array<Group & { inserted: Inserted[] }>): void {
    const rows = groups.flatMap(({ inserted }) => inserted.flatMap(({ row }) => row ?? []))
    const populated = populateMessages(db, app, rows).then(
      (messages) => new Map(messages.map((message) => [message.id, message])),
    )
    for (const { line, sends, inserted } of groups) {
      line.told = line.told
        .then(async () => tell(sends, inserted, await populated))
        .catch((error: unknown) => {
          for (const { reject } of sends) reject(error)
        })
      release(line)
    }
  }

  function finish({ line, sends }: Group, error: unknown): void {
    for (const { reject } of sends) reject(error)
    release(line)
  }

  function release(line: Line): void {
    if (line.waiting.length === 0) lines.delete(line.key)
    else {
      ready.add(line)
      start()
    }
  }

  return {
    post: (app, message, at) =>
      new Promise((resolve, reject) => {
        const key = JSON.stringify([app, message.roomId])
        const waiting = { message, at, span: tracer?.current(), resolve, reject }
        const line = lines.get(key)
        if (line !== undefined) {
          line.waiting.push(waiting)
          return
        }
        const fresh = { key, app, waiting: [waiting], told: Promise.resolve() }
        lines.set(key, fresh)
        ready.add(fresh)
        start()
      }),
  }
}

/** The next of a room that go together; a repeat among them waits until the first of it is there. */
function takeSends(line: Line, most: number): Waiting[] {
  const known = new Set<string>()
  const sends: Waiting[] = []
  const repeats: Waiting[] = []
  for (const waiting of line.waiting.splice(0, most)) {
    const { senderId, clientMessageId } = waiting.message
    const name = clientMessageId === undefined ? undefined : JSON.stringify([senderId, clientMessageId])
    if (name !== undefined && known.has(name)) repeats.push(waiting)
    else sends.push(waiting)
    if (name !== undefined) known.add(name)
  }
  line.waiting.unshift(...repeats)
  return sends
}

const messageOf = ({ message }: Waiting): NewMessage => message
const latest = (sends: readonly Waiting[]): Date => new Date(Math.max(...sends.map(({ at }) => at.getTime())))

function tell(sends: Waiting[], inserted: Inserted[], messages: Map<string, Message>): void {
  inserted.forEach(({ row, repeated }, i) => {
    const passedOthers = row?.passedOthers ?? false
    sends[i]?.resolve({ message: row && messages.get(row.id), repeated, passedOthers })
  })
}

async function insertAlone(db: Database, app: string, message: NewMessage, at: Date): Promise<Inserted> {
  try {
    return { row: await insertMessage(db, app, message, at), repeated: false }
  } catch (error) {
    const isRepeat = error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION
    if (!isRepeat || message.clientMessageId === undefined) throw error
    const row = await findByClientId(db, app, message.roomId, message.senderId, message.clientMessageId)
    if (row === undefined) throw error
    return { row, repeated: true }
  }
}
