import t from 'tap'
import type { Reading } from './gauge.ts'
import { judgeGrowth, judgeRest } from './verdict.ts'

const MINUTE_MS = 60_000

/** An hour of readings, with a garbage collector's peaks and a warm-up. */
function hour(grownBytes: (minute: number) => number): Reading[] {
  return Array.from({ length: 61 }, (_, minute) => ({
    atMs: minute * MINUTE_MS,
    heapBytes: 40e6 + Math.min(minute, 15) * 1e6 + grownBytes(minute),
    residentBytes: 150e6 + (minute % 7 === 0 ? 20e6 : 0) + grownBytes(minute),
    resources: 10,
    descriptors: 50,
  }))
}
const flat = (readings: readonly Reading[]) => judgeGrowth(readings).map((verdict) => verdict.flat)

t.test('what warms up, and has peaks, is flat', async (t) => {
  t.same(flat(hour(() => 0)), [true, true])
})

t.test('a leak of a kilobyte for every connection is found', async (t) => {
  const connectionsPerMinute = 300
  t.same(flat(hour((minute) => minute * connectionsPerMinute * 1_024)), [false, false])
  t.same(
    flat(hour((minute) => minute * 50_000)),
    [false, true],
    'a small one, where garbage does not hide it',
  )
})

t.test('what stays open when all is over is found, each by itself', async (t) => {
  const [before] = hour(() => 0) as [Reading]
  t.ok(judgeRest(before, { ...before, descriptors: before.descriptors + 40 }).every((one) => one.flat))
  const left = judgeRest(before, { ...before, descriptors: before.descriptors + 41 })
  t.same(
    left.map(({ what, flat }) => [what, flat]),
    [
      ['descriptors', false],
      ['resources', true],
    ],
  )
})
