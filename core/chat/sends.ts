/**
 * New messages on their way into the store. A room takes one statement at a time from here: what comes while one is
 * under way waits and goes together, in its order. A quiet room waits for nothing; a hot one pays for its lock and its
 * commit once for many.
 */
import { type Database, DatabaseError, UNIQUE_VIOLATION } from '../store/database.ts'
import { insertMessages } from '../store/insert-messages.ts'
import {
  findByClientId,
  insertMessage,
  type MessageRow,
  type NewMessage,
  type PostedRow,
} from '../store/messages.ts'
import type { Sends, Sent } from './context.ts'
import type { Message } from './model.ts'
import { populateMessages } from './populate.ts'

type Inserted = { row: MessageRow | PostedRow | undefined; repeated: boolean }
type Waiting = {
  message: NewMessage
  at: Date
  resolve: (sent: Sent) => void
  reject: (error: unknown) => void
}
type Line = { app: string; roomId: string; waiting: Waiting[]; told: Promise<void> }

const MAX_TOGETHER = 200

export function createSends(db: Database): Sends {
  /** Rooms with a statement under way. */
  const lines = new Map<string, Line>()

  async function serve(key: string, line: Line): Promise<void> {
    for (let group = takeGroup(line); group.length > 0; group = takeGroup(line)) {
      const inserted = await insertGroup(line, group).catch((error: unknown) => {
        for (const { reject } of group) reject(error)
        return []
      })
      // The next statement need not wait until these are told, but their order is kept.
      const populated = populate(line.app, inserted)
      const before = line.told
      line.told = before.then(async () => answer(group, inserted, await populated)).catch(() => {})
      populated.catch((error: unknown) => {
        for (const { reject } of group) reject(error)
      })
    }
    lines.delete(key)
  }

  async function insertGroup({ app, roomId }: Line, group: Waiting[]): Promise<Inserted[]> {
    const messages = group.map(({ message }) => message)
    const [first, last] = [group[0]!, group.at(-1)!]
    if (group.length === 1) return [await insertOnce(db, app, first.message, first.at)]
    let rows: PostedRow[] = []
    try {
      rows = await insertMessages(db, app, roomId, messages, last.at)
    } catch (error) {
      // One of them cannot be kept, or another core was first with it: each is tried by itself.
      if (!(error instanceof DatabaseError)) throw error
    }
    const added = new Map(rows.map((row) => [row.id, row]))
    const inserted: Inserted[] = []
    for (const { message, at, reject } of group) {
      const row = added.get(message.id)
      inserted.push(
        row === undefined
          ? await insertOnce(db, app, message, at).catch((error: unknown) => {
              reject(error)
              return { row: undefined, repeated: false }
            })
          : { row, repeated: false },
      )
    }
    return inserted
  }

  async function populate(app: string, inserted: Inserted[]): Promise<Map<string, Message>> {
    const rows = inserted.flatMap(({ row }) => row ?? [])
    const messages = await populateMessages(db, app, rows)
    return new Map(messages.map((message) => [message.id, message]))
  }

  function answer(group: Waiting[], inserted: Inserted[], messages: Map<string, Message>): void {
    inserted.forEach(({ row, repeated }, i) => {
      const passedOthers = row !== undefined && 'passedOthers' in row && row.passedOthers
      group[i]?.resolve({ message: row && messages.get(row.id), repeated, passedOthers })
    })
  }

  return {
    post: (app, message, at) =>
      new Promise((resolve, reject) => {
        const key = JSON.stringify([app, message.roomId])
        const line = lines.get(key)
        const waiting = { message, at, resolve, reject }
        if (line !== undefined) {
          line.waiting.push(waiting)
          return
        }
        const fresh = { app, roomId: message.roomId, waiting: [waiting], told: Promise.resolve() }
        lines.set(key, fresh)
        void serve(key, fresh)
      }),
  }
}

/** The next that go together; a repeat inside the group waits until the first of it is there. */
function takeGroup(line: Line): Waiting[] {
  const taken = line.waiting.splice(0, MAX_TOGETHER)
  const known = new Set<string>()
  const group: Waiting[] = []
  const repeats: Waiting[] = []
  for (const waiting of taken) {
    const { senderId, clientMessageId } = waiting.message
    const name = clientMessageId === undefined ? undefined : JSON.stringify([senderId, clientMessageId])
    if (name !== undefined && known.has(name)) repeats.push(waiting)
    else group.push(waiting)
    if (name !== undefined) known.add(name)
  }
  line.waiting.unshift(...repeats)
  return group
}

async function insertOnce(db: Database, app: string, message: NewMessage, at: Date): Promise<Inserted> {
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
