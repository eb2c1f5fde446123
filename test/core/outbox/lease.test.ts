import t from 'tap'
import { holdLease } from '../../../core/outbox/lease.ts'

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve())
    if (signal.aborted) resolve()
  })

/** Timers of a lease are unref'd: a test that only waits for one keeps the process itself. */
function stayAwake(): () => void {
  const timer = setInterval(() => {}, 1_000)
  return () => clearInterval(timer)
}

t.beforeEach((t) => t.teardown(stayAwake()))

t.test('a lease is renewed for as long as it is held', async (t) => {
  let renewals = 0
  const enough = Promise.withResolvers<void>()
  const lease = holdLease(async () => {
    renewals += 1
    if (renewals === 8) enough.resolve()
    return true
  }, 300)
  await enough.promise
  t.notOk(lease.signal.aborted, 'though its length is over more than twice')
  await lease.release()
  const then = renewals
  await new Promise((resolve) => setTimeout(resolve, 250))
  t.equal(renewals, then, 'and not afterwards')
})

t.test('a lease that somebody else has taken is lost at once', async () => {
  const lease = holdLease(async () => false, 300)
  await aborted(lease.signal)
  await lease.release()
})

for (const [what, renew] of Object.entries({
  'cannot be renewed': () => Promise.reject(new Error('no database')),
  'is not answered about': () => new Promise<boolean>(() => {}),
}))
  t.test(`a lease that ${what} is lost before it runs out`, async (t) => {
    const startedAtMs = performance.now()
    const lease = holdLease(renew, 150)
    await aborted(lease.signal)
    t.ok(performance.now() - startedAtMs >= 100)
  })

t.test('a renewal that is under way is over when the lease is released', async (t) => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<boolean>()
  const lease = holdLease(() => {
    begun.resolve()
    return end.promise
  }, 300)
  await begun.promise
  let released = false
  const releasing = lease.release().then(() => {
    released = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(released)
  end.resolve(true)
  await releasing
})
