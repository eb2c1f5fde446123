import t from 'tap'
import { CoreError } from '../../../core/errors.ts'
import {
  compileFilter,
  createParameters,
  type FilterField,
  likePattern,
  textSet,
} from '../../../core/store/filter.ts'

const FIELDS = new Map<string, FilterField>([
  ['name', { kind: 'scalar', type: 'text', sql: 'r.name' }],
  ['tags', textSet('r.tags')],
])

function compile(filter: unknown): { sql: string; values: unknown[] } {
  const parameters = createParameters(['app'])
  return {
    sql: compileFilter(filter, (name) => FIELDS.get(name), parameters).join(' AND '),
    values: parameters.values,
  }
}

t.test('values travel as parameters, never in the text', async (t) => {
  t.same(compile({ name: "x'; DROP TABLE rooms; --" }), {
    sql: 'r.name = $2::text',
    values: ['app', "x'; DROP TABLE rooms; --"],
  })
  t.same(compile({ tags: { $in: ['a', 'b'] } }), {
    sql: '((r.tags && $2::text[]))',
    values: ['app', ['a', 'b']],
  })
  t.same(compile({ name: { $in: ['a', null] } }), {
    sql: '((r.name = ANY($2::text[]) OR r.name IS NULL))',
    values: ['app', ['a']],
  })
})

t.test('whatever is not on the list is refused', async (t) => {
  const deep = (depth: number): unknown => (depth === 0 ? {} : { $and: [deep(depth - 1)] })
  for (const filter of [
    null,
    [],
    'x',
    { other: 1 },
    { $where: '1' },
    { name: { $expr: 1 } },
    { name: 7 },
    { name: { $in: 'a' } },
    { name: { $in: [7] } },
    { name: { $in: Array(1_001).fill('x') } },
    { tags: { $in: Array(101).fill('x') } },
    { tags: { $all: Array(9).fill('x') } },
    { $or: Array.from({ length: 9 }, () => ({ tags: 'x' })) },
    { tags: { $nin: [7] } },
    { tags: [] },
    { $or: [] },
    { $or: {} },
    deep(5),
    { $or: Array.from({ length: 40 }, () => ({ name: 'x' })) },
    JSON.parse('{"__proto__":{"name":1}}'),
    JSON.parse('{"constructor":1}'),
  ])
    t.throws(() => compile(filter), CoreError, JSON.stringify(filter))
})

t.test(
  'patterns become LIKE where they are simple, and are refused where they could run for ever',
  async (t) => {
    t.equal(likePattern('ann'), '%ann%')
    t.equal(likePattern('^a.b.*c$'), 'a_b%c')
    t.equal(likePattern('50%_\\.'), '%50\\%\\_.%')
    for (const pattern of [
      '(a+)+',
      'a{9}',
      '[a-z]',
      'a|b',
      'a*',
      'a?',
      '\\d',
      'x'.repeat(129),
      '.*a.*b.*c.*d.*e',
      7,
    ])
      t.throws(() => likePattern(pattern), CoreError, String(pattern))
  },
)
