import t from 'tap'
import { createFeed, type Reader } from '../../../gateway/console/feed.ts'
import type { FigureSource } from '../../../gateway/console/figures.ts'
import { createLog } from '../../../gateway/observe/log.ts'
import { eventually } from '../../support/eventually.ts'

const log = createLog('silent')

class TestReader implements Reader {
  bufferedAmount = 0
  readonly texts: string[] = []
  closedWith: number | undefined
  #onClose = () => {}
  send(text: string) {
    this.texts.push(text)
  }
  close(code = 1000) {
    this.closedWith = code
    this.#onClose()
  }
  on(event: 'close' | 'error', listener: () => void) {
    if (event === 'close') this.#onClose = listener
  }
}

function startFeed(t: { teardown(end: () => void): unknown }, sample: FigureSource['sample']) {
  let made = 0
  const figures = () => {
    made++
    return { sample }
  }
  const feed = createFeed({ figures, log, intervalMs: 5, maxReaders: 2 })
  t.teardown(feed.close)
  return { feed, made: () => made }
}

let samples = 0
const sample = async () => ({ atMs: ++samples }) as never

t.test('nothing is counted while nobody looks', async (t) => {
  const { feed, made } = startFeed(t, sample)
  t.equal(made(), 0)
  const [one, other] = [new TestReader(), new TestReader()]
  feed.add(one)
  feed.add(other)
  await eventually('both are told the same', async () => one.texts.length > 2 && other.texts.length > 2)
  t.equal(made(), 1)
  t.ok(one.texts.includes(String(other.texts[1])))
  one.close()
  other.close()
  const before = samples
  feed.add(new TestReader())
  t.equal(made(), 2, 'who comes later begins anew')
  await eventually('and is served', async () => samples > before)
})

t.test('a reader that does not read misses seconds, and nobody waits for it', async (t) => {
  const { feed } = startFeed(t, sample)
  const [slow, quick] = [new TestReader(), new TestReader()]
  slow.bufferedAmount = 20_000
  feed.add(slow)
  feed.add(quick)
  await eventually('the other is served', async () => quick.texts.length > 3)
  t.equal(slow.texts.length, 0)
  slow.bufferedAmount = 0
  await eventually('it is again, when it has read', async () => slow.texts.length > 0)
})

t.test('more readers than are allowed are told to come later', async (t) => {
  const { feed } = startFeed(t, sample)
  const readers = [new TestReader(), new TestReader(), new TestReader()]
  for (const reader of readers) feed.add(reader)
  t.same(
    readers.map(({ closedWith }) => closedWith),
    [undefined, undefined, 1013],
  )
  t.equal(feed.readerCount(), 2)
})

t.test('a sample that fails is missed, no more', async (t) => {
  let tries = 0
  const { feed } = startFeed(t, async () => {
    tries++
    if (tries < 3) throw new Error('not now')
    return sample()
  })
  const reader = new TestReader()
  feed.add(reader)
  await eventually('the next ones come', async () => reader.texts.length > 0)
})
