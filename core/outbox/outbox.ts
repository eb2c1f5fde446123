/** What follows a commit: the sockets that were not told, webhooks, pushes, the badge service. */
import type { PrivateUpstreams } from '#contract/outbound-address.ts'
import type { ChatContext } from '../chat/context.ts'
import type { Publish } from '../chat/events.ts'
import type { ObserveDelivery } from '../observe/outbox-metrics.ts'
import type { OutsideConfig } from '../outside-config.ts'
import { unreadTotals } from '../store/badges.ts'
import { createApns } from './apns.ts'
import { createBadgeService } from './badge-service.ts'
import { createBadgeSync } from './badge-sync.ts'
import { createEmitted, type Emitted } from './emitted.ts'
import { createFcm } from './fcm.ts'
import { createFollow } from './follow-ups.ts'
import type { LoopTiming } from './loop.ts'
import { createOutbound } from './outbound.ts'
import { createPushes } from './push-delivery.ts'
import type { PushProvider } from './push-provider.ts'
import { createRelay } from './relay.ts'
import { createWebhooks } from './webhook-delivery.ts'

export type Outbox = {
  /** What the sockets were told, here or elsewhere, by `followUpKey`. */
  emitted: Emitted
  /** Something was committed. */
  nudge(): void
  /** What the deployment's other products count as unread; bounded in time, never an exception. */
  otherUnread(userId: string): Promise<number>
  start(): void
  close(): Promise<void>
}

export type OutboxParts = {
  /** Its `publish` tells this core's sockets and, as a hint, the other cores. */
  chat: ChatContext
  publish: Publish
  config: OutsideConfig
  privateUpstreams: PrivateUpstreams
  deploymentSecret: Uint8Array
  observe?: ObserveDelivery
  timing?: OutboxTiming | undefined
}

export type OutboxTiming = Partial<LoopTiming> & {
  graceMs?: number
  firstRetryMs?: number
  badgeDelayMs?: number
  badgeAskMs?: number
  webhookTimeoutMs?: number
  webhookLeaseMs?: number
}

export function createOutbox(parts: OutboxParts): Outbox {
  const { chat, publish, config, privateUpstreams, deploymentSecret, observe = () => {}, timing } = parts
  const { db, clock, log } = chat
  const outbound = createOutbound(privateUpstreams)
  const emitted = createEmitted()
  const { badgeUrl, pushUrl, pushGenericUrl, constantBadge, fcm, apns } = config

  const badgeService =
    badgeUrl === undefined
      ? undefined
      : createBadgeService({ url: badgeUrl, outbound, clock, log, askTimeoutMs: timing?.badgeAskMs })
  const providers: PushProvider[] = [
    ...(fcm === undefined ? [] : [createFcm({ account: fcm, url: fcm.url, outbound, clock })]),
    ...(apns === undefined ? [] : [createApns({ account: apns, url: apns.url, clock })]),
  ]

  async function badgesOf(app: string, userIds: readonly string[]): Promise<Map<string, number>> {
    if (constantBadge !== undefined) return new Map(userIds.map((id) => [id, constantBadge]))
    const [own, others] = await Promise.all([unreadTotals(db, app, userIds), badgeService?.others(userIds)])
    return new Map(userIds.map((id) => [id, (own.get(id) ?? 0) + (others?.get(id) ?? 0)]))
  }

  const common = {
    db,
    clock,
    log,
    observe,
    timing,
    ...(timing?.firstRetryMs && { firstRetryMs: timing.firstRetryMs }),
  }
  let running: Array<{ nudge(): void; close(): Promise<void> }> = []

  function start(): void {
    const { webhookPrefix: prefix } = config
    const { webhookTimeoutMs: timeoutMs, webhookLeaseMs: leaseMs, badgeDelayMs } = timing ?? {}
    const webhooks = createWebhooks({
      ...common,
      chat,
      outbound,
      prefix,
      deploymentSecret,
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(leaseMs !== undefined && { leaseMs }),
    })
    const pushes = createPushes({
      ...common,
      outbound,
      providers,
      hookUrl: pushUrl,
      genericHookUrl: pushGenericUrl,
      badgesOf,
    })
    const badges = badgeService && createBadgeSync({ ...common, service: badgeService })
    const follow = createFollow({
      pushes: providers.length > 0 || pushUrl !== undefined || pushGenericUrl !== undefined,
      badges: badges !== undefined,
      ...(badgeDelayMs !== undefined && { badgeDelayMs }),
    })
    const onFollowed = () => {
      webhooks.nudge()
      pushes.nudge()
    }
    const relay = createRelay({ ...common, publish, emitted, follow, onFollowed })
    running = [relay, webhooks, pushes, ...(badges === undefined ? [] : [badges])]
  }

  return {
    emitted,
    nudge: () => running[0]?.nudge(),
    otherUnread: async (userId) => (await badgeService?.others([userId]))?.get(userId) ?? 0,
    start,
    async close() {
      await Promise.all(running.map((loop) => loop.close()))
      for (const provider of providers) provider.close()
      await outbound.close()
    },
  }
}
