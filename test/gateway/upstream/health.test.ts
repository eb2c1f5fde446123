import t from 'tap'
import { UpstreamHealth } from '../../../gateway/upstream/health.ts'
import { UPSTREAM_DEFAULTS } from '../../../gateway/upstream/settings.ts'

function create() {
  const clock = { nowMs: 1_000_000 }
  const settings = {
    ...UPSTREAM_DEFAULTS,
    failuresToEject: 3,
    ejectionMs: 1_000,
    maxEjectionMs: 4_000,
    checkIntervalMs: 2_000,
    calmCheckIntervalMs: 10_000,
  }
  const health = new UpstreamHealth(settings, () => clock.nowMs)
  const fail = (times: number): void => {
    for (let i = 0; i < times; i++) health.failed(false)
  }
  return { clock, health, fail }
}

t.test('an address is unknown until it has answered', async (t) => {
  const { health } = create()
  t.equal(health.state, 'unknown')
  health.answered()
  t.equal(health.state, 'healthy')
})

t.test(
  'one failure makes it suspicious and is followed by a check at once; an answer clears it',
  async (t) => {
    const { health, clock } = create()
    health.checked('ready', false)
    t.equal(health.nextCheckAtMs, clock.nowMs + 10_000, 'healthy addresses are checked at leisure')
    health.failed(false)
    t.equal(health.state, 'suspicious')
    t.equal(health.nextCheckAtMs, clock.nowMs)
    health.answered()
    t.equal(health.state, 'healthy')
  },
)

t.test('failures in a row eject it; an answer between them begins the count anew', async (t) => {
  const { health, fail } = create()
  health.answered()
  fail(2)
  health.answered()
  fail(2)
  t.equal(health.state, 'suspicious')
  fail(1)
  t.equal(health.state, 'ejected')
  t.equal(health.ejections, 1)
})

t.test('the last address is never ejected', async (t) => {
  const { health } = create()
  health.answered()
  for (let i = 0; i < 10; i++) health.failed(true)
  t.equal(health.state, 'suspicious')
})

t.test(
  'an ejected address comes back by a check, once its time is over; each time takes twice as long',
  async (t) => {
    const { health, clock, fail } = create()
    health.answered()
    for (const lastsMs of [1_000, 2_000, 4_000, 4_000]) {
      fail(3)
      t.equal(health.state, 'ejected')
      clock.nowMs += lastsMs - 1
      health.checked('ready', false)
      t.equal(health.state, 'ejected', `not before ${lastsMs} ms`)
      t.equal(health.nextCheckAtMs, clock.nowMs + 2_000)
      clock.nowMs += 1
      health.checked('ready', false)
      t.equal(health.state, 'healthy')
    }
    clock.nowMs += 120_000
    fail(3)
    clock.nowMs += 1_000
    health.checked('ready', false)
    t.equal(health.state, 'healthy', 'a long good time makes the next ejection short again')
  },
)

t.test('an address that says it is not ready is passed over until it says otherwise', async (t) => {
  const { health } = create()
  health.answered()
  health.checked('unready', false)
  t.equal(health.state, 'unready')
  health.answered()
  t.equal(health.state, 'unready', 'that it answers requests still does not make it ready')
  health.checked('ready', false)
  t.equal(health.state, 'healthy')
})

t.test('a request that is not answered in time is a reason to look, not to eject', async (t) => {
  const { health, clock } = create()
  health.answered()
  for (let i = 0; i < 10; i++) health.doubted()
  t.equal(health.state, 'suspicious')
  t.equal(health.nextCheckAtMs, clock.nowMs)
  for (let i = 0; i < 3; i++) health.checked('failed', false)
  t.equal(health.state, 'ejected')
})
