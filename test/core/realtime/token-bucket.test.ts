import t from 'tap'
import { createTokenBucket } from '../../../core/realtime/token-bucket.ts'

t.test('a bucket lets its capacity pass at once, and then its rate', async (t) => {
  let nowMs = 0
  const bucket = createTokenBucket(3, 10, () => nowMs)
  t.strictSame(
    [1, 2, 3, 4].map(() => bucket.take()),
    [true, true, true, false],
  )
  nowMs = 100
  t.strictSame([bucket.take(), bucket.take()], [true, false])
  nowMs = 60_000
  t.strictSame(
    [1, 2, 3, 4].map(() => bucket.take()),
    [true, true, true, false],
    'it never holds more',
  )
})

t.test('a clock that steps back takes nothing away', async (t) => {
  let nowMs = 1_000
  const bucket = createTokenBucket(1, 1, () => nowMs)
  nowMs = 0
  t.ok(bucket.take())
})
