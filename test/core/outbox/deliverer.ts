import { createAppConfigs } from '../../../core/chat/app-configs.ts'
import type { ChatContext } from '../../../core/chat/context.ts'
import { createIdSource } from '../../../core/chat/new-id.ts'
import { createSends } from '../../../core/chat/sends.ts'
import { createLog } from '../../../core/observe/log.ts'
import { createOutbound } from '../../../core/outbox/outbound.ts'
import { createWebhooks } from '../../../core/outbox/webhook-delivery.ts'
import type { Database } from '../../../core/store/database.ts'
import { openDatabase } from '../../../core/store/open-database.ts'

export type Deliverer = { db: Database; close(): Promise<void> }

/** What a core has to deliver webhooks with, and nothing else of it. */
export async function openDeliverer(databaseUrl: string, leaseMs: number): Promise<Deliverer> {
  const db = await openDatabase(databaseUrl)
  const clock = Date.now
  const chat: ChatContext = {
    db,
    publish: () => {},
    clock,
    newId: createIdSource(clock),
    sends: createSends(db),
    settings: { invitationRequired: false, sandbox: false },
    configs: createAppConfigs(db, clock),
    connections: { count: async () => 0, peak: async () => 0 },
    liveSockets: {
      list: async () => ({ sockets: [], isComplete: true }),
      connected: async () => ({ userIds: new Set(), isComplete: true }),
      cut: async () => 'absent',
    },
    log: createLog('silent'),
  }
  const outbound = createOutbound('all')
  const webhooks = createWebhooks({
    chat,
    outbound,
    prefix: undefined,
    deploymentSecret: Buffer.alloc(32),
    leaseMs,
    timing: { pollMs: 20 },
  })
  return {
    db,
    async close() {
      await webhooks.close()
      await outbound.close()
      await db.close()
    },
  }
}
