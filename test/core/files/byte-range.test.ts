import t from 'tap'
import { parseRange } from '../../../core/files/byte-range.ts'

t.test('one range of bytes is read; what is none, or several, asks for the whole', async (t) => {
  for (const [field, expected] of [
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=2-', { start: 2, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-30', { start: 0, end: 9 }],
    ['bytes=9-9999999999', { start: 9, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=3-2', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,2-3', undefined],
    ['bytes=1-99999999999999999999', undefined],
    ['items=0-1', undefined],
    [undefined, undefined],
  ] as const)
    t.same(parseRange(field, 10), expected, field ?? 'none')
  t.equal(parseRange('bytes=0-', 0), 'unsatisfiable')
})
