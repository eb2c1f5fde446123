import { Registry } from 'prom-client'
import t from 'tap'
import { createOutboxMetrics } from '../../../core/observe/outbox-metrics.ts'
import type { Database } from '../../../core/store/database.ts'
import { migrate } from '../../../core/store/migrate.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import { addPushJobs } from '../../../core/store/push.ts'
import { addDeliveries } from '../../../core/store/webhooks.ts'
import { DATABASES } from '../../contract/server.ts'
import { startPostgres } from '../../support/postgres.ts'

/** The samples of a scrape, by name and labels. */
async function scrape(registry: Registry): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
}

for (const kind of DATABASES)
  t.test(`what waits and what was given up is told, on ${kind}`, async (t) => {
    const db = await openDatabase(kind === 'pglite' ? 'pglite:memory' : (await startPostgres(t)).url)
    t.teardown(() => db.close())
    await migrate(db)
    const registry = new Registry()
    createOutboxMetrics(registry, db)
    const empty = await scrape(registry)
    for (const kind of ['relay', 'webhook', 'push', 'badge']) {
      t.equal(empty.get(`core_outbox_waiting{kind="${kind}"}`), 0)
      t.equal(empty.get(`core_outbox_oldest_seconds{kind="${kind}"}`), 0)
      t.equal(empty.get(`core_outbox_dead{kind="${kind}"}`), 0)
    }

    const minuteAgo = new Date(Date.now() - 60_000)
    const insert = `INSERT INTO outbox (shard, topic, app, room_id, payload, created_at) VALUES ($1, 't', 'a', 'r', '{}', $2)`
    for (const [shard, at] of [
      [3, new Date()],
      [60, minuteAgo],
      [-1, minuteAgo],
    ])
      await db.query('', insert, [shard, at])
    const delivery = (eventId: string) => ({
      app: 'a',
      roomId: 'r',
      target: 'app' as const,
      eventId,
      event: 'MESSAGE' as const,
      body: '{}',
    })
    await addDeliveries(db, ['1', '2', '3'].map(delivery), minuteAgo, new Date())
    await db.query('', `UPDATE webhook_deliveries SET dead_at = now() WHERE event_id = '2'`)
    const job = { app: 'a', work: { kind: 'message' as const, roomId: 'r', messageId: 'm' } }
    await addPushJobs(db, [job], minuteAgo, new Date())
    await db.query('', `INSERT INTO badge_dues (app, user_id, next_at) VALUES ('a', 'ann', now())`)

    const again = new Registry()
    createOutboxMetrics(again, db)
    const full = await scrape(again)
    t.equal(full.get('core_outbox_waiting{kind="relay"}'), 2)
    t.equal(full.get('core_outbox_waiting{kind="webhook"}'), 2)
    t.equal(full.get('core_outbox_waiting{kind="push"}'), 1)
    t.equal(full.get('core_outbox_waiting{kind="badge"}'), 1)
    t.equal(full.get('core_outbox_dead{kind="relay"}'), 1)
    t.equal(full.get('core_outbox_dead{kind="webhook"}'), 1)
    for (const kind of ['relay', 'webhook', 'push']) {
      const oldestS = full.get(`core_outbox_oldest_seconds{kind="${kind}"}`) ?? 0
      t.ok(oldestS >= 59 && oldestS < 600, `${kind}: ${oldestS}`)
    }
  })

t.test('a database that is away takes no other figure with it, and never hangs a scrape', async (t) => {
  const answers: Record<string, Database['query']> = {
    refuses: () => Promise.reject(new Error('away')),
    'is silent': () => new Promise(() => {}),
  }
  for (const [what, query] of Object.entries(answers)) {
    const registry = new Registry()
    const db: Database = {
      kind: 'postgres',
      query,
      transaction: () => Promise.reject(new Error('away')),
      run: async () => {},
      close: async () => {},
    }
    const observe = createOutboxMetrics(registry, db)
    observe('webhook', 'delivered')
    observe('push', 'gone')
    const figures = await scrape(registry)
    t.equal(figures.get('core_deliveries_total{kind="webhook",outcome="delivered"}'), 1, what)
    t.equal(figures.get('core_deliveries_total{kind="push",outcome="gone"}'), 1)
    t.equal(figures.get('core_deliveries_total{kind="badge",outcome="failed"}'), 0, 'there from the start')
    t.notOk(
      [...figures.keys()].some((name) => name.startsWith('core_outbox')),
      'no figure that is wrong',
    )
  }
})
