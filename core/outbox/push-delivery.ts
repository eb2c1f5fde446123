/** Makes the pushes: of new messages to the members who want them, and those that customers ask for. */
import { populateMessages } from '../chat/populate.ts'
import type { Logger } from '../observe/log.ts'
import type { ObserveDelivery } from '../observe/outbox-metrics.ts'
import type { Database } from '../store/database.ts'
import { findMessagesById } from '../store/messages.ts'
import {
  addPushJobs,
  advancePushJob,
  claimPushJobs,
  deletePushJob,
  findSubscriptions,
  forgetTokens,
  nextReceivers,
  type PushCall,
  type PushJobRow,
  type PushNote,
  type SubscriptionType,
} from '../store/push.ts'
import { findRooms } from '../store/rooms.ts'
import { presentMessage } from '../wire/present.ts'
import type { Loop, LoopTiming } from './loop.ts'
import type { Outbound } from './outbound.ts'
import { createPool } from './pool.ts'
import { messageNote } from './push-content.ts'
import type { PushProvider } from './push-provider.ts'

export type PushParts = {
  db: Database
  outbound: Outbound
  providers: readonly PushProvider[]
  /** Told every message for every receiver, and every message with all of its receivers. */
  hookUrl: string | undefined
  genericHookUrl: string | undefined
  badgesOf: (app: string, userIds: readonly string[]) => Promise<Map<string, number>>
  clock: () => number
  log: Logger
  observe: ObserveDelivery
  firstRetryMs?: number
  timing?: Partial<LoopTiming> | undefined
}

/** The calls of one step, and how far it came; undefined: there is no more. */
type Page = { calls: PushCall[]; servedTo: string | undefined }

const RECEIVERS_PER_PAGE = 200
const CALLS_AT_ONCE = 16
const JOBS_AT_ONCE = 4
const LEASE_MS = 120_000
const HOOK_TIMEOUT_MS = 10_000
const FIRST_RETRY_MS = 2_000
const LONGEST_RETRY_MS = 60_000
/** Later nobody wants to be told. */
const LIFETIME_MS = 600_000

export function createPushes(parts: PushParts): Loop {
  const { db, outbound, providers, hookUrl, genericHookUrl, badgesOf, clock, log, observe } = parts
  const { firstRetryMs = FIRST_RETRY_MS, timing } = parts
  const providerOf = new Map(providers.flatMap((provider) => provider.types.map((type) => [type, provider])))
  const after = (ms: number) => new Date(clock() + ms)

  async function work(job: PushJobRow, signal: AbortSignal): Promise<void> {
    let { servedTo } = job
    for (let page = await pageOf(job, servedTo); ; page = await pageOf(job, servedTo)) {
      const failed = await callAll(job.app, page.calls, signal)
      // What was told and what was not is kept together; a core that dies before that tells one page again.
      await db.transaction(async (tx) => {
        if (failed.length > 0 && after(0).getTime() - job.createdAt.getTime() < LIFETIME_MS) {
          const attempts = job.work.kind === 'again' ? job.attempts : 0
          const waitMs = Math.min(firstRetryMs * 2 ** attempts, LONGEST_RETRY_MS)
          const again = [{ app: job.app, work: { kind: 'again' as const, calls: failed } }]
          await addPushJobs(tx, again, job.createdAt, after(waitMs), attempts)
        }
        if (page.servedTo === undefined) await deletePushJob(tx, job.id)
        else await advancePushJob(tx, job.id, page.servedTo, after(signal.aborted ? 0 : LEASE_MS))
      })
      if (page.servedTo === undefined || signal.aborted) return
      servedTo = page.servedTo
    }
  }

  async function pageOf(job: PushJobRow, servedTo: string): Promise<Page> {
    const { app, work } = job
    switch (work.kind) {
      case 'message':
        return messagePage(app, work, servedTo)
      case 'users': {
        const subscriptions = await findSubscriptions(db, app, work.userIds)
        return { calls: subscriptions.flatMap((one) => callOf(one, work.note)), servedTo: undefined }
      }
      case 'tokens': {
        const { type, note } = work
        return { calls: work.tokens.flatMap((token) => callOf({ type, token }, note)), servedTo: undefined }
      }
      case 'again':
        return { calls: work.calls, servedTo: undefined }
    }
  }

  async function messagePage(
    app: string,
    { roomId, messageId, badge }: { roomId: string; messageId: string; badge?: false | undefined },
    after: string,
  ): Promise<Page> {
    const [row] = await findMessagesById(db, app, [{ roomId, id: messageId }])
    const [room] = await findRooms(db, app, [roomId])
    // Recalled or deleted meanwhile: there is nothing to tell.
    if (row === undefined || room === undefined || row.messageType === 'recall')
      return { calls: [], servedTo: undefined }
    const [message] = await populateMessages(db, app, [row])
    const next = await nextReceivers(db, app, roomId, row.senderId, after, RECEIVERS_PER_PAGE)
    const { userIds, servedTo } = next
    if (message === undefined || userIds.length === 0) return { calls: [], servedTo }
    const [subscriptions, badges] = await Promise.all([
      findSubscriptions(db, app, userIds),
      badge === false ? undefined : badgesOf(app, userIds),
    ])
    const note = messageNote(message, { name: room.name ?? undefined, roomTags: room.roomTags })
    const wire = presentMessage(message)
    const badgeOf = (userId: string) => badges && (badges.get(userId) ?? 0)
    const calls: PushCall[] = subscriptions
      .filter(({ type }) => type !== 'ios-voip')
      .flatMap((one) => callOf(one, { ...note, badge: badgeOf(one.userId) }))
    if (hookUrl !== undefined)
      for (const userId of userIds)
        calls.push({ via: 'hook', body: { ...wire, toClient: userId, badge: badgeOf(userId) } })
    if (genericHookUrl !== undefined)
      calls.push({ via: 'generic-hook', body: { ...wire, roomName: room.name, pushToClients: userIds } })
    return { calls, servedTo }
  }

  const callOf = (target: { type: SubscriptionType; token: string }, note: PushNote): PushCall[] =>
    providerOf.has(target.type) ? [{ via: 'provider', type: target.type, token: target.token, note }] : []

  /** @returns those that failed for reasons that pass. */
  async function callAll(app: string, calls: readonly PushCall[], signal: AbortSignal): Promise<PushCall[]> {
    const failed: PushCall[] = []
    const waiting = [...calls]
    const one = async () => {
      for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
        try {
          if (signal.aborted) failed.push(call)
          else await perform(app, call, signal)
        } catch (err) {
          failed.push(call)
          if (signal.aborted) continue
          observe('push', 'failed')
          log.warn({ event: 'push-failed', via: call.via, err }, 'a push will be tried again')
        }
      }
    }
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, one))
    return failed
  }

  async function perform(app: string, call: PushCall, signal: AbortSignal): Promise<void> {
    if (call.via === 'provider') {
      const { type, token, note } = call
      const outcome = await providerOf.get(type)?.send({ type, token }, note, signal)
      if (outcome !== undefined) observe('push', outcome === 'sent' ? 'delivered' : outcome)
      if (outcome === 'gone') await forgetTokens(db, app, type, [token])
      if (outcome === 'refused') log.warn({ event: 'push-refused', type }, 'a push was refused')
      return
    }
    const url = call.via === 'hook' ? hookUrl : genericHookUrl
    if (url === undefined) return
    const { status } = await outbound.call(new URL(url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call.body),
      trusted: true,
      timeoutMs: HOOK_TIMEOUT_MS,
      signal,
    })
    if (status < 200 || status > 299) throw new Error(`the push hook answered ${status}`)
    observe('push', 'delivered')
  }

  return createPool({
    name: 'pushes',
    limit: JOBS_AT_ONCE,
    claim: (limit) => claimPushJobs(db, limit, after(0), after(LEASE_MS)),
    work,
    log,
    timing,
  })
}
