import t from 'tap'
import { formatTraceParent, parseTraceContext } from '#contract/trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

t.test('a valid context is read, and written as it was', async (t) => {
  const sampled = parseTraceContext(`00-${TRACE}-${SPAN}-01`, 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7')
  t.same(sampled, {
    traceId: TRACE,
    spanId: SPAN,
    isSampled: true,
    state: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
  })
  t.equal(sampled && formatTraceParent(sampled), `00-${TRACE}-${SPAN}-01`)
  t.match(parseTraceContext(`00-${TRACE}-${SPAN}-00`), { isSampled: false, state: undefined })
  t.match(parseTraceContext(`00-${TRACE}-${SPAN}-03`), { isSampled: true }, 'other flags are not ours')
  t.match(parseTraceContext(`cc-${TRACE}-${SPAN}-01-what-comes-later`), { traceId: TRACE }, 'a later version')
})

t.test('whatever is not valid is none', async (t) => {
  for (const text of [
    undefined,
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01\r\nx: y`,
    `00-${TRACE}-${SPAN}-1`,
    `cc-${TRACE}-${SPAN}-01-${'x'.repeat(200)}`,
    ['two', 'of them'],
  ])
    t.equal(parseTraceContext(text), undefined, String(text))
})

t.test('a bad state is dropped whole, and the parent stands', async (t) => {
  for (const state of [
    '',
    'no-equals',
    'UPPER=1',
    'a=1,a=2',
    `a=${'x'.repeat(257)}`,
    `a=1\r\nb=2`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
    'x'.repeat(513),
  ])
    t.match(parseTraceContext(`00-${TRACE}-${SPAN}-01`, state), { traceId: TRACE, state: undefined }, state)
  t.match(parseTraceContext(`00-${TRACE}-${SPAN}-01`, ' a=1 , ,t@vendor=2 '), { state: 'a=1,t@vendor=2' })
})
