import t from 'tap'
import { boundsOf } from './bounds.ts'

const REVOKED_AT_MS = 100_000
const bounds = (...aways: [fromMs: number, untilMs: number][]) => {
  const { requestMs, socketMs } = boundsOf(
    REVOKED_AT_MS,
    aways.map(([fromMs, untilMs]) => ({
      fromMs: REVOKED_AT_MS + fromMs,
      untilMs: REVOKED_AT_MS + untilMs,
    })),
  )
  return [requestMs, socketMs]
}

t.test('a revocation while nothing is broken has five seconds', async (t) => {
  t.same(bounds(), [5_000, 5_000])
  t.same(
    bounds([-60_000, -20_000], [6_000, 30_000]),
    [5_000, 5_000],
    'what was, and what comes, is no excuse',
  )
})

t.test('what was broken in the middle counts until ten seconds after it was mended', async (t) => {
  t.same(bounds([-3_000, 4_000]), [14_000, 14_000])
  t.same(bounds([-8_000, -2_000]), [8_000, 8_000])
  t.same(bounds([-3_000, 4_000], [12_000, 20_000], [40_000, 50_000]), [30_000, 30_000], 'one upon the other')
})

t.test('no request is admitted after 40 s, however long something is broken', async (t) => {
  t.same(bounds([-1_000, 60_000]), [40_000, 70_000])
})
