import { pino } from 'pino'
import t, { type Test } from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import type { CredentialChange } from '#contract/internal.ts'
import {
  createFeedFollower,
  DEFAULT_FEED_LIMITS,
  type FeedFollower,
  type FeedLimits,
} from '../../../gateway/authn/credential-changes.ts'
import { createIntrospectionClient } from '../../../gateway/authn/introspection.ts'
import { startCoreStandIn } from './core-stand-in.ts'

const QUICK: FeedLimits = { ...DEFAULT_FEED_LIMITS, retryMs: 5, maxRetryMs: 20 }

async function setUp(t: Test, limits: Partial<FeedLimits> = {}) {
  const core = await startCoreStandIn(t)
  core.store.addApp('shop')
  const client = createIntrospectionClient(core.url)
  t.teardown(() => client.close())
  const clock = { nowMs: 1_000_000 }
  /** What happened, in order: `evict 3`, `told 3`, `flush 4`, `told of reset`. */
  const steps: string[] = []
  const start = (): FeedFollower => {
    const feed = createFeedFollower({
      currentPosition: async () =>
        (await client.introspect('default-app', credentialDigest('default-app', '', ''))).position,
      changesAfter: client.changesAfter,
      ledger: {
        apply: (change) => steps.push(`evict ${change.position}`),
        reset: (position) => steps.push(`flush ${position}`),
      },
      clock: () => clock.nowMs,
      log: pino({ level: 'silent' }),
      observe: () => {},
      limits: { ...QUICK, ...limits },
    })
    t.teardown(() => feed.close())
    feed.onChange((change) => steps.push(`told ${change.position}`))
    feed.onReset(() => steps.push('told of reset'))
    return feed
  }
  return {
    core,
    clock,
    steps,
    start,
    /** Until the first long poll stands. */
    polling: () => until(() => core.pollCount() === 2),
  }
}

/** Until a condition holds that no event announces; yields to the sockets in between. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

t.test('it starts from where the core is, without a look at the past', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  t.equal(feed.position(), undefined)
  t.equal(feed.state(), 'behind')
  t.ok(await feed.reached(1, 5_000))
  t.equal(feed.position(), 1)
  await until(() => feed.state() === 'current')
  t.equal(feed.behindMs(), 0)
  t.same(s.steps, ['flush 1'])
})

t.test('a change is applied as soon as it happens: evicted, then told, then reached', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  const position = s.core.store.bind('shop', 'secret', 'ada')
  const reached = feed.reached(position, 5_000).then((value) => s.steps.push(`reached ${value}`))
  s.core.push()
  await reached
  t.same(s.steps, ['flush 1', 'evict 2', 'told 2', 'reached true'])
})

t.test('of many changes at once every one is evicted before any is told', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  for (const user of ['ada', 'bob']) s.core.store.revokeUser('shop', user)
  s.core.push()
  t.ok(await feed.reached(3, 5_000))
  t.same(s.steps, ['flush 1', 'evict 2', 'evict 3', 'told 2', 'told 3'])
})

t.test('a listener that fails disturbs neither the others nor the feed', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  feed.onChange(() => {
    throw new Error('broken listener')
  })
  const told: CredentialChange[] = []
  const stop = feed.onChange((change) => told.push(change))
  s.core.store.bind('shop', 'secret', 'ada')
  s.core.push()
  t.ok(await feed.reached(2, 5_000))
  t.match(told, [{ position: 2, subject: 'credential', effect: 'granted' }])
  stop()
  s.core.store.bind('shop', 'secret', 'ada')
  s.core.push()
  t.ok(await feed.reached(3, 5_000))
  t.equal(told.length, 1)
  t.equal(feed.state(), 'current')
})

t.test('an empty answer at the end of the wait changes nothing, and it asks again', async (t) => {
  const s = await setUp(t, { waitMs: 5 })
  const feed = s.start()
  await until(() => s.core.pollCount() >= 3)
  t.equal(feed.state(), 'current')
  t.same(s.steps, ['flush 1'])
})

t.test('reached gives up in time', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  t.equal(await feed.reached(99, 10), false)
})

t.test('closing ends the poll and those who wait', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  const waiting = feed.reached(99, 60_000)
  await feed.close()
  t.equal(await waiting, false)
  t.equal(await feed.reached(99, 60_000), false)
})

t.test('after a lost connection it catches up, change by change', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  await s.core.stop()
  await until(() => feed.state() === 'behind')
  s.core.store.bind('shop', 'secret', 'ada')
  s.core.store.revokeToken('shop', 'secret')
  await s.core.restart()
  t.ok(await feed.reached(3, 5_000))
  await until(() => feed.state() === 'current')
  t.same(s.steps, ['flush 1', 'evict 2', 'evict 3', 'told 2', 'told 3'])
})

t.test('while it has not caught up it stays behind', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  await s.core.stop()
  await until(() => feed.state() === 'behind')
  for (let i = 0; i < 3; i++) s.core.store.bind('shop', `secret ${i}`, 'ada')
  // One change an answer.
  const states: string[] = []
  s.core.feed = (after) => {
    states.push(feed.state())
    const changes = s.core.store.changesAfter(after).slice(0, 1)
    return changes.length === 0 ? undefined : { body: { position: after + 1, changes, reset: false } }
  }
  await s.core.restart()
  await until(() => feed.state() === 'current')
  t.equal(feed.position(), 4)
  t.same(states.slice(0, 3), ['behind', 'behind', 'behind'])
})

t.test('a core that answers everything but the feed leaves it behind', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  s.core.feed = () => ({ status: 503 })
  s.core.push()
  await until(() => feed.state() === 'behind')
  const polls = s.core.pollCount()
  await until(() => s.core.pollCount() >= polls + 3)
  t.equal(feed.state(), 'behind')
  s.clock.nowMs += DEFAULT_FEED_LIMITS.staleAfterMs + 1
  t.equal(feed.state(), 'stale')
  s.core.feed = undefined
  await until(() => feed.state() === 'current')
})

t.test('behind turns stale when it lasts, and current again with contact', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await until(() => feed.state() === 'current')
  await s.core.stop()
  await until(() => feed.state() === 'behind')
  s.clock.nowMs += DEFAULT_FEED_LIMITS.staleAfterMs
  t.equal(feed.state(), 'behind')
  s.clock.nowMs += 1
  t.equal(feed.state(), 'stale')
  t.equal(feed.behindMs(), DEFAULT_FEED_LIMITS.staleAfterMs + 1)
  await s.core.restart()
  await until(() => feed.state() === 'current')
})

t.test('a core that was never reached makes it behind from the start, then stale', async (t) => {
  const s = await setUp(t)
  await s.core.stop()
  const feed = s.start()
  t.equal(feed.state(), 'behind')
  s.clock.nowMs += DEFAULT_FEED_LIMITS.staleAfterMs + 1
  t.equal(feed.state(), 'stale')
  t.equal(feed.position(), undefined)
})

t.test('a connection that hangs is cut and counts as behind', async (t) => {
  const s = await setUp(t, { waitMs: 10, graceMs: 30 })
  const feed = s.start()
  await until(() => feed.state() === 'current')
  s.core.holdFeed()
  await until(() => feed.state() === 'behind')
  s.core.store.bind('shop', 'secret', 'ada')
  s.core.releaseFeed()
  t.ok(await feed.reached(2, 5_000))
  await until(() => feed.state() === 'current')
})

t.test('a feed that cannot be continued flushes, tells, and goes on from where the core is', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  await s.core.stop()
  s.core.store.bind('shop', 'secret', 'ada')
  s.core.store.forgetChanges()
  s.core.store.bind('shop', 'another', 'ada')
  await s.core.restart()
  t.ok(await feed.reached(3, 5_000))
  t.same(s.steps, ['flush 1', 'flush 3', 'told of reset'])
  await until(() => feed.state() === 'current')
  s.core.store.bind('shop', 'third', 'ada')
  s.core.push()
  t.ok(await feed.reached(4, 5_000))
  t.same(s.steps.slice(3), ['evict 4', 'told 4'])
})

t.test('a hole in the positions is a change never heard of: it flushes', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  s.core.store.bind('shop', 'one', 'ada')
  s.core.store.bind('shop', 'two', 'ada')
  s.core.feed = () => ({ body: { position: 3, changes: s.core.store.changesAfter(2), reset: false } })
  s.core.push()
  t.ok(await feed.reached(3, 5_000))
  s.core.feed = undefined
  t.same(s.steps, ['flush 1', 'flush 3', 'told of reset'])
})

t.test(
  'a core restored from a backup is behind its gateway: it flushes and follows the new history',
  async (t) => {
    const s = await setUp(t)
    for (let i = 0; i < 5; i++) s.core.store.bind('shop', `secret ${i}`, 'ada')
    const feed = s.start()
    t.ok(await feed.reached(6, 5_000))
    await s.polling()
    let behind = true
    s.core.introspection = () => (behind ? { body: { active: false, position: 2 } } : undefined)
    s.core.feed = () => (behind ? { status: 500, body: {} } : undefined)
    s.core.push()
    await until(() => feed.position() === 2)
    t.match(s.steps, ['flush 6', 'flush 2', 'told of reset'])
    behind = false
  },
)

t.test('answers that are not understood count as behind, not as nothing new', async (t) => {
  const s = await setUp(t)
  const feed = s.start()
  await s.polling()
  for (const wrong of [
    { status: 500 },
    { status: 204 },
    { raw: 'no' },
    { body: { position: 1, changes: [{}] } },
  ]) {
    s.core.feed = () => wrong
    s.core.push()
    await until(() => feed.state() === 'behind')
    s.core.feed = undefined
    await until(() => feed.state() === 'current')
  }
  t.same(s.steps, ['flush 1'])
})
