import { type BatchJob, readJob, readPart, sendPart } from '../chat/batches.ts'
import type { ChatContext } from '../chat/context.ts'
import { CoreError } from '../errors.ts'
import { createLoop, type Loop, type LoopTiming } from '../outbox/loop.ts'
import {
  type BatchPartRow,
  type BatchRow,
  claimBatch,
  finishPart,
  pendingParts,
  postponeBatch,
} from '../store/batches.ts'
import { DatabaseError } from '../store/database.ts'

/** After this another core may take it on; a part that both send is one message. */
const CLAIM_MS = 60_000
const RETRY_MS = 5_000
const PARTS_AT_ONCE = 50
/** In different rooms mostly, so they need not wait for each other. */
const PARALLEL = 4

/** Sends what `sendBatch` took on, a few parts at a time, and again after a restart. */
export function createBatchRunner(chat: ChatContext, timing: Partial<LoopTiming> = { pollMs: 250 }): Loop {
  return createLoop({ name: 'batches', log: chat.log, timing, step: () => step(chat) })
}

async function step(chat: ChatContext): Promise<boolean> {
  const at = chat.clock()
  const batch = await claimBatch(chat.db, new Date(at), new Date(at + CLAIM_MS))
  if (batch === undefined) return false
  const parts = await pendingParts(chat.db, batch, PARTS_AT_ONCE)
  const job = readable(batch)
  let later = false
  for (let i = 0; i < parts.length; i += PARALLEL) {
    const group = parts.slice(i, i + PARALLEL)
    const done = await Promise.all(group.map((part) => take(chat, batch, job, part)))
    later ||= done.includes(false)
  }
  const isLast = parts.length < PARTS_AT_ONCE
  const next = later ? chat.clock() + RETRY_MS : isLast ? undefined : chat.clock()
  await postponeBatch(chat.db, batch, next === undefined ? undefined : new Date(next))
  return true
}

function readable({ job }: BatchRow): BatchJob | undefined {
  try {
    return readJob(job)
  } catch {
    return undefined
  }
}

/** @returns false where it has to be tried again */
async function take(
  chat: ChatContext,
  batch: BatchRow,
  job: BatchJob | undefined,
  { place, part }: BatchPartRow,
): Promise<boolean> {
  try {
    if (job === undefined) throw new CoreError('INVALID_REQUEST')
    const { roomId, id } = await sendPart(chat, batch, job, place, readPart(part))
    await finishPart(chat.db, batch, place, { roomId, messageId: id })
  } catch (error) {
    if (isPassing(error)) {
      chat.log.warn({ event: 'batch-part-later', err: error }, 'a part of a batch is tried again')
      return false
    }
    const refused = error instanceof CoreError ? error.code : 'INTERNAL'
    await finishPart(chat.db, batch, place, { refused })
  }
  return true
}

/** SQLSTATE class of transactions that lost to another. */
const ROLLBACK_CLASS = '40'

const isPassing = (error: unknown): boolean =>
  error instanceof DatabaseError
    ? error.sqlState.startsWith(ROLLBACK_CLASS)
    : error instanceof CoreError && error.code === 'STORE_UNAVAILABLE'
