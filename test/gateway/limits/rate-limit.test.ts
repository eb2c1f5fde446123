import fc from 'fast-check'
import t from 'tap'
import { createRateLimit } from '../../../gateway/limits/rate-limit.ts'

function limitOf(perMinute: number, more: { maxKeys?: number; isShared?: boolean } = {}) {
  const time = { nowMs: 1_000_000 }
  return { time, limit: createRateLimit({ perMinute, clock: () => time.nowMs, ...more }) }
}

const takeMany = (take: () => number, count: number): number =>
  Array.from({ length: count }, take).filter((waitMs) => waitMs === 0).length

t.test('a key may take its whole minute at once, and then waits', async (t) => {
  const { limit } = limitOf(5)
  t.equal(
    takeMany(() => limit.take('a'), 8),
    5,
  )
  t.equal(limit.take('b'), 0, 'others are not concerned')
})

t.test('after the wait that was told, one more is granted; a moment before, none', async (t) => {
  for (const spreadMs of [0, 1_000, 9_000]) {
    const { limit, time } = limitOf(5)
    for (let i = 0; i < 5; i++, time.nowMs += spreadMs) t.equal(limit.take('a'), 0)
    const waitMs = limit.take('a')
    t.ok(waitMs > 0 && waitMs <= 120_000, `${waitMs}`)
    time.nowMs += waitMs - 2
    t.ok(limit.take('a') > 0)
    time.nowMs += 2
    t.equal(limit.take('a'), 0)
  }
})

t.test('a refused take costs nothing: whoever keeps asking is let in as soon as whoever waits', async (t) => {
  const { limit, time } = limitOf(10)
  takeMany(() => limit.take('a'), 10)
  for (let i = 0; i < 125; i++) {
    time.nowMs += 1_000
    limit.waitOf('a')
    if (limit.take('a') === 0) {
      t.ok(i >= 59 && i < 70, `let in after ${i + 1} s`)
      return
    }
  }
  t.fail('never let in')
})

t.test(
  'in any minute it is never more than twice the limit, over long times hardly more than the limit',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 50, maxLength: 400 }),
        (gaps) => {
          const { limit, time } = limitOf(10)
          const granted: number[] = []
          for (const gapMs of gaps) {
            time.nowMs += gapMs
            if (limit.take('a') === 0) granted.push(time.nowMs)
          }
          for (const startMs of granted)
            if (granted.filter((at) => at >= startMs && at < startMs + 60_000).length > 20) return false
          const minutes = (time.nowMs - 1_000_000) / 60_000
          return granted.length <= 10 * (minutes + 2)
        },
      ),
    )
  },
)

t.test('asking how long to wait takes nothing and remembers nobody', async (t) => {
  const { limit } = limitOf(1)
  t.equal(limit.waitOf('a'), 0)
  t.equal(limit.size, 0)
  limit.take('a')
  t.ok(limit.waitOf('a') > 0)
})

t.test('memory is bounded: the least recently used are forgotten', async (t) => {
  const { limit } = limitOf(1, { maxKeys: 100 })
  limit.take('first')
  for (let i = 0; i < 1_000; i++) {
    limit.take(`k${i}`)
    t.ok(limit.take('first') > 0, 'who is in use stays')
    if (i % 200 === 0) t.ok(limit.size <= 100)
  }
})

t.test('what others took counts here, and what was told is told once', async (t) => {
  const { limit } = limitOf(100, { isShared: true })
  limit.charge('a', 99)
  t.equal(limit.take('a'), 0)
  t.ok(limit.take('a') > 0)
  t.equal(limit.untold().size, 0, 'one take does not yet amount to something')
  takeMany(() => limit.take('b'), 7)
  t.same([...limit.untold()], [['b', 7]])
  t.equal(limit.untold().size, 0)
})

t.test('a changed limit holds at once', async (t) => {
  const { limit } = limitOf(2)
  t.equal(
    takeMany(() => limit.take('a'), 5),
    2,
  )
  limit.perMinute = 4
  t.equal(
    takeMany(() => limit.take('a'), 5),
    2,
  )
})

t.test('a clock that jumps back locks nobody out', async (t) => {
  const { limit, time } = limitOf(2)
  takeMany(() => limit.take('a'), 3)
  time.nowMs -= 3_600_000
  t.equal(limit.take('a'), 0)
})

t.test('property: whoever keeps its window is told the same as whoever has it looked up', async () => {
  const KEYS = ['a', 'b', 'c', 'd']
  const act = fc.record({
    what: fc.constantFrom('take', 'take', 'take', 'charge'),
    key: fc.constantFrom(...KEYS),
    restMs: fc.constantFrom(0, 0, 0, 0, 500, 61_000),
  })
  fc.assert(
    fc.property(fc.array(act, { minLength: 60, maxLength: 200 }), (acts) => {
      const [kept, plain] = [limitOf(3, { maxKeys: 2 }), limitOf(3, { maxKeys: 2 })]
      const keepers = new Map(KEYS.map((key) => [key, {}]))
      return acts.every(({ what, key, restMs }) => {
        kept.time.nowMs += restMs
        plain.time.nowMs += restMs
        if (what === 'take') return kept.limit.take(key, keepers.get(key)) === plain.limit.take(key)
        kept.limit.charge(key, 1)
        plain.limit.charge(key, 1)
        return true
      })
    }),
    { numRuns: 500 },
  )
})
