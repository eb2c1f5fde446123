import t from 'tap'
import { Type } from 'typebox'
import { CoreError } from '../../../core/errors.ts'
import { createReader, parseForm, parseTime } from '../../../core/http/reading.ts'

t.test('a query is read as browsers and axios write it', async (t) => {
  t.same(
    { ...parseForm('a=1+2&b=x&b=y&c[]=z&d=%zz&e') },
    { a: '1 2', b: ['x', 'y'], c: ['z'], d: '%zz', e: '' },
  )
  const odd = parseForm('__proto__=1&constructor=2')
  t.same(Object.keys(odd), ['__proto__', 'constructor'])
  t.equal(Object.getPrototypeOf(odd), null)
})

t.test('texts are converted to what the schema asks for, JSON is not', async (t) => {
  const read = createReader(
    Type.Object({ n: Type.Integer(), on: Type.Optional(Type.Boolean()) }),
    'INVALID_REQUEST',
  )
  t.match(read({ n: '7', on: 'true' }, true), { n: 7, on: true })
  t.throws(() => read({ n: '7' }, false), { code: 'INVALID_REQUEST', message: /n must be integer/ })
  for (const n of ['x', '1.5', 'true', 'NaN', '0x', ['1', '2']])
    t.throws(() => read({ n }, true), { code: 'INVALID_REQUEST' }, String(n))
  t.throws(() => read({}, false), { code: 'MISSING_PARAMETER', message: /n is needed/ })
})

t.test('a time is ISO 8601 or milliseconds', async (t) => {
  t.equal(parseTime('t', '2024-01-02T03:04:05Z')?.toISOString(), '2024-01-02T03:04:05.000Z')
  t.equal(parseTime('t', '1700000000000')?.getTime(), 1_700_000_000_000)
  t.equal(parseTime('t', ''), undefined)
  t.throws(() => parseTime('t', 'soon'), CoreError)
  t.throws(() => parseTime('t', '9'.repeat(30)), CoreError)
})
