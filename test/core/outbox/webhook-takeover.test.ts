import { join } from 'node:path'
import t, { type Test } from 'tap'
import { migrate } from '../../../core/store/migrate.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import { addDeliveries } from '../../../core/store/webhooks.ts'
import { startGuarded } from '../../support/child-process.ts'
import { eventually } from '../../support/eventually.ts'
import { startPostgres } from '../../support/postgres.ts'
import { openDeliverer } from './deliverer.ts'
import { type Received, startReceiver } from './receiver.ts'

const LEASE_MS = 1_500

/** One room's events, waiting for an app's webhook. */
async function queueEvents(t: Test, webhookUrl: string, eventIds: string[]) {
  const { url } = await startPostgres(t)
  const db = await openDatabase(url)
  t.teardown(() => db.close())
  await migrate(db)
  await db.query('', 'INSERT INTO apps (id, settings) VALUES ($1, $2::jsonb)', ['shop', { webhookUrl }])
  const now = new Date()
  const deliveries = eventIds.map((eventId) => ({
    app: 'shop',
    roomId: 'r1',
    target: 'app' as const,
    eventId,
    event: 'MESSAGE' as const,
    body: JSON.stringify({ eventID: eventId }),
  }))
  await addDeliveries(db, deliveries, now, new Date(now.getTime() + 86_400_000))
  return { url, db }
}

const idsOf = (received: readonly Received[]) => received.map(({ body }) => body.eventID)

async function allDelivered(db: { query: Awaited<ReturnType<typeof openDatabase>>['query'] }) {
  await eventually('all is delivered', async () => {
    const rows = await db.query('', 'SELECT id FROM webhook_deliveries')
    return rows.length === 0
  })
}

t.test('what a killed core was delivering goes on elsewhere within its lease, in its order', async (t) => {
  const held = Promise.withResolvers<void>()
  const receiver = await startReceiver(t, async (_got, index) => {
    if (index === 1) await held.promise
    return {}
  })
  const { url, db } = await queueEvents(t, receiver.url, ['1', '2', '3'])
  const script = join(import.meta.dirname, 'dying-deliverer.ts')
  const dying = await startGuarded(process.execPath, [script, url, String(LEASE_MS)])
  await receiver.come(2)
  const heir = await openDeliverer(url, LEASE_MS)
  t.teardown(() => heir.close())
  // Longer than a lease: while its holder lives, nobody takes it.
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS * 2))
  t.strictSame(idsOf(receiver.received), ['1', '2'])

  dying.signal('SIGKILL')
  t.not(await dying.ended, 0, 'it was killed')
  await receiver.come(3)

  await allDelivered(db)
  t.strictSame(idsOf(receiver.received), ['1', '2', '2', '3'], 'what it had not finished comes again')

  held.resolve()
})

t.test('several cores never deliver one room at a time, though a call is longer than a lease', async (t) => {
  let atOnce = 0
  let most = 0
  const receiver = await startReceiver(t, async () => {
    atOnce += 1
    most = Math.max(most, atOnce)
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS * 1.5))
    atOnce -= 1
    return {}
  })
  const { url, db } = await queueEvents(t, receiver.url, ['1', '2', '3'])
  const deliverers = await Promise.all([1, 2, 3].map(() => openDeliverer(url, LEASE_MS)))
  t.teardown(() => Promise.all(deliverers.map((deliverer) => deliverer.close())))
  await receiver.come(3)
  await allDelivered(db)
  t.equal(most, 1)
  t.strictSame(idsOf(receiver.received), ['1', '2', '3'], 'each once')
})

t.test('a core that stops at once hands its queues over at once', async (t) => {
  const receiver = await startReceiver(t, async (_got, index) => {
    if (index === 0) await new Promise(() => {})
    return {}
  })
  const { url, db } = await queueEvents(t, receiver.url, ['1', '2'])
  const first = await openDeliverer(url, 600_000)
  await receiver.come(1)
  await first.close()
  const second = await openDeliverer(url, 600_000)
  t.teardown(() => second.close())
  await allDelivered(db)
  t.strictSame(idsOf(receiver.received), ['1', '1', '2'])
})
