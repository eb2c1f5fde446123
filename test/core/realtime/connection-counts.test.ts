import t from 'tap'
import { createLog } from '../../../core/observe/log.ts'
import { createConnectionCounts } from '../../../core/realtime/connection-counts.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis } from '../../support/redis.ts'

const log = createLog('silent')

t.test('a core without Redis counts its own sockets', async (t) => {
  let nowMs = Date.now()
  const sockets = new Map([['shop', 2]])
  const parts = { local: () => sockets, nodeId: 'a', redisUrl: undefined, log, tickMs: 10 }
  const counts = createConnectionCounts({ ...parts, clock: () => nowMs })
  t.teardown(() => counts.close())
  t.equal(await counts.count('shop'), 2)
  t.equal(await counts.count('other'), 0)
  sockets.set('shop', 5)
  await eventually('the peak is seen without being asked', async () => (await counts.peak('shop')) === 5)
  sockets.set('shop', 1)
  t.equal(await counts.peak('shop'), 5)
  nowMs += 3_600_000
  t.equal(await counts.peak('shop'), 1, 'of the last hour')
})

t.test('cores with a Redis count all sockets, and those of a dead core no longer', async (t) => {
  const redis = await startRedis(t)
  let nowMs = Date.now()
  const start = (nodeId: string, sockets: Map<string, number>) => {
    const parts = { local: () => sockets, nodeId, redisUrl: redis.url, log, tickMs: 20 }
    const counts = createConnectionCounts({ ...parts, clock: () => nowMs })
    t.teardown(() => counts.close())
    return counts
  }
  const mine = new Map([['shop', 2]])
  const [a, b] = [
    start('a', mine),
    start(
      'b',
      new Map([
        ['shop', 3],
        ['other', 1],
      ]),
    ),
  ]
  await eventually(
    'each knows of the other',
    async () => (await a.count('shop')) + (await b.count('shop')) === 10,
  )
  await eventually('of every app', async () => (await a.count('other')) === 1)
  mine.set('shop', 7)
  await eventually('a change is told', async () => (await b.count('shop')) === 10)
  mine.clear()
  await eventually('also that there are none', async () => (await b.count('shop')) === 3)
  const late = start('c', new Map())
  await eventually('who was not there knows the peak', async () => (await late.peak('shop')) === 10)
  await b.close()
  t.equal(await a.count('shop'), 0, 'a core that goes says so')
  const dead = start('d', new Map([['shop', 4]]))
  await eventually('it is counted', async () => (await a.count('shop')) === 4)
  redis.pause()
  t.equal(await a.count('shop'), 0, 'with Redis away the own count is all there is')
  redis.resume()
  nowMs += 36_000
  await eventually('who tells again is counted again', async () => (await a.count('shop')) === 4)
  await dead.close()
  t.equal(await a.count('shop'), 0)
})
