import { markRoomsDue, markUsersDue } from '../store/badges.ts'
import type { OutboxRow } from '../store/outbox.ts'
import { addPushJobs } from '../store/push.ts'
import { messageIdOf, reachedOf, textOf } from './payloads.ts'
import type { Follow } from './relay.ts'
import { addWebhooks } from './webhook-events.ts'

/** A user's changes within this time are told to the badge service as one. */
const BADGE_DELAY_MS = 1_000

/** What this deployment does with what was committed. */
export function createFollow(wanted: { pushes: boolean; badges: boolean; badgeDelayMs?: number }): Follow {
  return async (tx, rows, at) => {
    await addWebhooks(tx, rows, at)
    if (wanted.pushes) await addPushJobs(tx, rows.flatMap(pushOf), at, at)
    if (!wanted.badges) return
    const dueAt = new Date(at.getTime() + (wanted.badgeDelayMs ?? BADGE_DELAY_MS))
    await markRoomsDue(
      tx,
      rows.filter((row) => row.topic === 'message-posted' || changesCounts(row)),
      dueAt,
    )
    await markUsersDue(tx, rows.flatMap(readersOf), dueAt)
  }
}

function pushOf({ topic, app, roomId, payload }: OutboxRow) {
  const messageId = messageIdOf(payload)
  if (topic !== 'message-posted' || messageId === undefined || payload.push === false) return []
  const badge = payload.badge === false ? { badge: false as const } : {}
  return [{ app, work: { kind: 'message' as const, roomId, messageId, ...badge } }]
}

/** A deletion may take something unread away. */
const changesCounts = ({ topic, payload }: OutboxRow): boolean =>
  topic === 'message-changed' && payload.kind === 'deleted'

/** Whose total changes without a message. */
function readersOf({ topic, app, payload }: OutboxRow): Array<{ app: string; userId: string }> {
  const userIds =
    topic === 'read'
      ? [textOf(payload.userId)]
      : topic === 'members-joined' || topic === 'members-removed'
        ? reachedOf(payload)
        : []
  return userIds.map((userId) => ({ app, userId }))
}
