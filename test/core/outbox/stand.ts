import type { Test } from 'tap'
import type { PrivateUpstreams } from '#contract/outbound-address.ts'
import { type ChatEvent, followUpKey } from '../../../core/chat/events.ts'
import { createOutbox, type Outbox, type OutboxTiming } from '../../../core/outbox/outbox.ts'
import type { OutsideConfig } from '../../../core/outside-config.ts'
import { type ContractServer, type DatabaseKind, startContractServer } from '../../contract/server.ts'
import { eventually } from '../../support/eventually.ts'

export type Stand = ContractServer & {
  outbox: Outbox
  /** What the sockets were told, by the operations and by the relay. */
  told: ChatEvent[]
  /** The operations' own telling; off, as if the core died after each commit. */
  fastPath: boolean
  outboxIsEmpty(): Promise<void>
  rows(table: string): Promise<number>
}

export const NOTHING_OUTSIDE: OutsideConfig = {
  webhookPrefix: undefined,
  badgeUrl: undefined,
  pushUrl: undefined,
  pushGenericUrl: undefined,
  constantBadge: undefined,
  fcm: undefined,
  apns: undefined,
}

export const FAST: OutboxTiming = { pollMs: 15, retryMs: 50, graceMs: 60, firstRetryMs: 40, badgeDelayMs: 10 }

type Options = {
  outside?: Partial<OutsideConfig>
  privateUpstreams?: PrivateUpstreams
  timing?: OutboxTiming
  started?: boolean
}

/** The public server with an outbox behind it, as `core.ts` wires them, on a real database. */
export async function startStand(t: Test, kind: DatabaseKind, options: Options = {}): Promise<Stand> {
  const server = await startContractServer(t, kind)
  const { chat } = server
  const told: ChatEvent[] = []
  const tell = (event: ChatEvent) => {
    told.push(event)
    const key = followUpKey(event)
    if (key !== undefined) outbox.emitted.note(key)
  }
  const outbox = createOutbox({
    chat,
    publish: tell,
    config: { ...NOTHING_OUTSIDE, ...options.outside },
    privateUpstreams: options.privateUpstreams ?? 'all',
    deploymentSecret: server.jwtSecret,
    timing: { ...FAST, ...options.timing },
  })
  t.teardown(() => outbox.close())
  const record = chat.publish
  const stand: Stand = {
    ...server,
    outbox,
    told,
    fastPath: true,
    outboxIsEmpty: () => eventually('the outbox is empty', async () => (await stand.rows('outbox')) === 0),
    async rows(table) {
      const [row] = await chat.db.query<{ count: number }>('', `SELECT count(*) FROM ${table}`)
      return row?.count ?? 0
    },
  }
  chat.publish = (event) => {
    record(event)
    if (stand.fastPath) tell(event)
    outbox.nudge()
  }
  chat.otherUnread = (userId) => outbox.otherUnread(userId)
  if (options.started !== false) outbox.start()
  return stand
}
