/**
 * Delivers webhooks. A queue (a room's events for one target) is in the hands of one worker, which delivers its head,
 * then the next; a head that fails is waited for, so that nothing overtakes it, until it is delivered or dead.
 */
import type { ChatContext } from '../chat/context.ts'
import type { ObserveDelivery } from '../observe/outbox-metrics.ts'
import { findWebhookAddresses } from '../store/webhook-places.ts'
import { findWebhookSecrets } from '../store/webhook-secrets.ts'
import {
  claimQueues,
  type Delivery,
  deleteDelivery,
  dropEmptyQueue,
  failDelivery,
  headOfQueue,
  type Queue,
  renewQueue,
} from '../store/webhooks.ts'
import { holdLease } from './lease.ts'
import type { Loop, LoopTiming } from './loop.ts'
import { type Outbound, OutboundError, type OutboundReason } from './outbound.ts'
import { createPool } from './pool.ts'
import { webhookAddress } from './webhook-address.ts'
import { applyReply, parseReply } from './webhook-reply.ts'
import { WEBHOOK_SIGNATURE_HEADER, webhookSecret, webhookSignature } from './webhook-signature.ts'

export type WebhookParts = {
  chat: ChatContext
  outbound: Outbound
  /** Before the keys of rooms. */
  prefix: string | undefined
  deploymentSecret: Uint8Array
  observe?: ObserveDelivery
  timeoutMs?: number
  /** Until the next try, the first having failed. */
  firstRetryMs?: number
  leaseMs?: number
  timing?: Partial<LoopTiming> | undefined
}

type Outcome =
  | { done: true; answer: string | undefined }
  | { done: false; reason: OutboundReason | 'redirected' | `status-${number}` }

const TIMEOUT_MS = 10_000
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 3_600_000
/** For so long the queues of a core that died stand still; a call may take longer, its lease is renewed. */
const LEASE_MS = 10_000
const AT_ONCE = 32
/** So that an app whose server hangs leaves room for the others. */
const AT_ONCE_PER_APP = 8

export function createWebhooks(parts: WebhookParts): Loop {
  const { chat, outbound, prefix, deploymentSecret, timeoutMs = TIMEOUT_MS } = parts
  const { firstRetryMs = FIRST_RETRY_MS, leaseMs = LEASE_MS, observe = () => {}, timing } = parts
  const { db, clock, log } = chat
  const inHand = new Map<string, number>()

  async function claim(limit: number): Promise<Queue[]> {
    const full = [...inHand].filter(([, count]) => count >= AT_ONCE_PER_APP).map(([app]) => app)
    return claimQueues(db, Math.min(limit, AT_ONCE_PER_APP), full, leaseMs)
  }

  async function work(queue: Queue, signal: AbortSignal): Promise<void> {
    const { app } = queue
    inHand.set(app, (inHand.get(app) ?? 0) + 1)
    try {
      while (!signal.aborted && (await deliverNext(queue, signal))) {}
      if (signal.aborted) await renewQueue(db, queue, 0)
    } finally {
      const left = (inHand.get(app) ?? 1) - 1
      if (left > 0) inHand.set(app, left)
      else inHand.delete(app)
    }
  }

  /** @returns whether the queue goes on at once. */
  async function deliverNext(queue: Queue, signal: AbortSignal): Promise<boolean> {
    const version = await renewQueue(db, queue, leaseMs)
    if (version === undefined) return false
    const delivery = await headOfQueue(db, queue)
    if (delivery === undefined) return !(await dropEmptyQueue(db, queue, version))
    const lease = holdLease(async () => (await renewQueue(db, queue, leaseMs)) !== undefined, leaseMs)
    const given = AbortSignal.any([signal, lease.signal])
    const outcome = await deliver(delivery, given).finally(lease.release)
    if (outcome.done) return true
    return given.aborted ? false : fail(queue, delivery, outcome.reason)
  }

  async function deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const outcome = await attempt(delivery, signal)
    if (!outcome.done) return outcome
    if (outcome.answer !== undefined) await applyReply(chat, delivery, parseReply(outcome.answer))
    await deleteDelivery(db, delivery.id)
    if (outcome.answer !== undefined) observe('webhook', 'delivered')
    return outcome
  }

  async function fail(queue: Queue, delivery: Delivery, reason: string): Promise<boolean> {
    const { app, roomId, eventId, target } = delivery
    const waitMs = backoffMs(delivery.attempts, firstRetryMs)
    const isDead = clock() + waitMs > delivery.expiresAt.getTime()
    if ((await renewQueue(db, queue, isDead ? leaseMs : waitMs)) === undefined) return false
    await failDelivery(db, delivery.id, reason, isDead ? new Date(clock()) : undefined)
    observe('webhook', isDead ? 'dead' : 'failed')
    if (isDead)
      log.warn({ event: 'webhook-dead', app, roomId, eventId, target, reason }, 'a webhook was given up')
    return isDead
  }

  async function attempt(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const { app, roomId, target, body, eventId } = delivery
    const addresses = await findWebhookAddresses(db, app, roomId)
    const address = addresses && webhookAddress(target, addresses, prefix)
    // Nobody wants it any more.
    if (address === undefined) return { done: true, answer: undefined }
    const rows = await findWebhookSecrets(db, app)
    const secrets = rows.map((row) => webhookSecret(deploymentSecret, app, row.salt))
    const headers: Record<string, string> = { 'content-type': 'application/json', 'im-webhook-id': eventId }
    if (secrets.length > 0) headers[WEBHOOK_SIGNATURE_HEADER] = webhookSignature(secrets, body, clock())
    try {
      const { url, trusted } = address
      const { status, text } = await outbound.call(url, {
        method: 'POST',
        headers,
        body,
        trusted,
        timeoutMs,
        signal,
      })
      if (status >= 200 && status < 300) return { done: true, answer: text }
      return { done: false, reason: status >= 300 && status < 400 ? 'redirected' : `status-${status}` }
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error
      return { done: false, reason: error.reason }
    }
  }

  return createPool({ name: 'webhooks', limit: AT_ONCE, claim, work, log, timing })
}

/** Doubles, up to an hour, with up to a half of it taken off, so that rooms do not come back together. */
function backoffMs(attempts: number, firstMs: number): number {
  const fullMs = Math.min(firstMs * 2 ** Math.min(attempts, 20), LONGEST_RETRY_MS)
  return fullMs * (1 - Math.random() / 2)
}
