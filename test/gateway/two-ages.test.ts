import fc from 'fast-check'
import t from 'tap'
import { TwoAges } from '../../gateway/two-ages.ts'

t.test('what is used stays, whatever else comes; what is not is forgotten', async (t) => {
  const memory = new TwoAges<string, number>(10)
  memory.set('used', 1)
  memory.set('unused', 2)
  for (let i = 0; i < 1_000; i++) {
    memory.set(`${i}`, i)
    t.equal(memory.get('used'), 1)
    t.ok(memory.size <= 10)
  }
  t.equal(memory.get('unused'), undefined)
  t.notOk(memory.has('unused'))
  memory.clear()
  t.equal(memory.size, 0)
  t.equal(memory.get('used'), undefined)
})

t.test(
  'property: it says what was set last, of the last half of what was used it says something',
  async () => {
    const act = fc.tuple(fc.constantFrom('get', 'set'), fc.nat(12))
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const memory = new TwoAges<number, number>(8)
        const truth = new Map<number, number>()
        const recency: number[] = []
        return acts.every(([what, key], nth) => {
          const isRecent = recency.slice(-4).includes(key)
          if (what === 'get' && memory.get(key) === undefined) return !isRecent
          if (what === 'get' && memory.get(key) !== truth.get(key)) return false
          if (what === 'set') {
            memory.set(key, nth)
            truth.set(key, nth)
          }
          // The one used last stands last.
          if (recency.includes(key)) recency.splice(recency.indexOf(key), 1)
          recency.push(key)
          return memory.size <= 8
        })
      }),
    )
  },
)
