import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { addToBatch, epochNow, steadyNow, writeWithBatch } from '../../gateway/batch.ts'

/** Notes what it is to write, among what else happens. */
function writerInto(events: string[]): { write(text: string): boolean } {
  return { write: (text) => events.push(`write ${text}`) > 0 }
}

async function batchOf(count: number, act: (i: number) => void): Promise<void> {
  for (let i = 0; i < count; i++) addToBatch({ proceed: () => act(i) })
  await turn()
}

t.test(
  'work is done in the order it came, and what a large batch writes leaves after all of it',
  async (t) => {
    const events: string[] = []
    const socket = writerInto(events)
    const act = (i: number) => {
      events.push(`work ${i}`)
      writeWithBatch(socket, `${i}`)
    }
    await batchOf(4, act)
    t.same(events.splice(0), [
      'work 0',
      'work 1',
      'work 2',
      'work 3',
      'write 0',
      'write 1',
      'write 2',
      'write 3',
    ])
    await batchOf(3, act)
    t.same(
      events.splice(0),
      ['work 0', 'write 0', 'work 1', 'write 1', 'work 2', 'write 2'],
      'a small one at once',
    )
    writeWithBatch(socket, 'alone')
    t.same(events, ['write alone'], 'and so outside of any')
  },
)

t.test('what is added while a batch is worked on has its turn in the next', async (t) => {
  const events: string[] = []
  await batchOf(4, (i) => {
    events.push(`first ${i}`)
    if (i === 0) addToBatch({ proceed: () => events.push('next') })
  })
  await turn()
  t.same(events, ['first 0', 'first 1', 'first 2', 'first 3', 'next'])
})

t.test('what comes after a lull is worked on at once, anything else when all has been read', async (t) => {
  let atMs = performance.now()
  Object.defineProperty(performance, 'now', { value: () => atMs, configurable: true })
  t.teardown(() => Reflect.deleteProperty(performance, 'now'))
  const events: string[] = []
  const add = (name: string) => addToBatch({ proceed: () => events.push(name) })
  atMs += 5
  add('first')
  await Promise.resolve()
  t.same(events, ['first'])
  atMs += 0.01
  add('second')
  add('third')
  await Promise.resolve()
  t.same(events, ['first'])
  await turn()
  t.same(events.splice(0), ['first', 'second', 'third'])
  atMs += 5
  addToBatch({ proceed: () => events.push('waits') }, true)
  await Promise.resolve()
  t.same(events, [], 'unless it waits in any case')
  await turn()
  t.same(events, ['waits'])
})

for (const [name, clock] of Object.entries({ steadyNow, epochNow }))
  t.test(`${name} stands still during a batch, and never steps back`, async (t) => {
    const times: number[] = []
    const look = () => {
      const untilMs = performance.now() + 2
      times.push(clock())
      while (performance.now() < untilMs);
      times.push(clock())
    }
    await batchOf(2, look)
    t.equal(new Set(times).size, 1)
    look()
    const [first = 0, , , , fifth = 0, last = 0] = times
    t.ok(first < fifth && fifth < last)
  })
