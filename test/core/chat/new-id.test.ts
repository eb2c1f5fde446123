import t from 'tap'
import { createIdSource } from '../../../core/chat/new-id.ts'

t.test('ids are 24 hex digits that begin with the seconds of their time, as an ObjectId does', async (t) => {
  const id = createIdSource(() => 1_700_000_000_123)()
  t.match(id, /^[0-9a-f]{24}$/)
  t.equal(Number.parseInt(id.slice(0, 8), 16), 1_700_000_000)
})

t.test(
  'within a process ids only grow, also within a millisecond and when the clock steps back',
  async (t) => {
    const times = [1_000, 1_000, 1_001, 900, 1_002, 5, 2_000]
    let i = 0
    const newId = createIdSource(() => times[i++]! + 1_700_000_000_000)
    const ids = times.map(() => newId())
    t.same(ids, ids.toSorted())
    t.equal(new Set(ids).size, ids.length)
  },
)

t.test('a million in one millisecond do not run into each other', async (t) => {
  const newId = createIdSource(() => 1_700_000_000_000)
  let last = newId()
  let grew = true
  for (let i = 0; i < 2 ** 20 + 10; i++) {
    const id = newId()
    grew &&= id > last
    last = id
  }
  t.ok(grew)
})

t.test('two processes are ordered by the millisecond', async (t) => {
  const early = createIdSource(() => 1_700_000_000_001)
  const late = createIdSource(() => 1_700_000_000_002)
  t.ok(early() < late())
})
