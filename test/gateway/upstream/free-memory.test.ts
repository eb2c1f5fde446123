import t from 'tap'
import { freeMemory } from '../../../gateway/upstream/free-memory.ts'

const LARGE = 65_536

t.test('a large chunk that is all of its memory is freed', async (t) => {
  const chunk = Buffer.alloc(LARGE, 'x')
  freeMemory(chunk)
  t.equal(chunk.length, 0)
  freeMemory(chunk)
})

t.test('a part is left alone, and so is what shares its memory', async (t) => {
  const memory = Buffer.alloc(LARGE, 'x')
  freeMemory(memory.subarray(1))
  freeMemory(memory.subarray(0, LARGE - 1))
  t.equal(memory.toString('latin1'), 'x'.repeat(LARGE))
})

t.test('small chunks are left to the collector, and their pool alone', async (t) => {
  const chunk = Buffer.from('x'.repeat(100))
  freeMemory(chunk)
  t.equal(chunk.toString(), 'x'.repeat(100))
})
