import t from 'tap'
import { createRateLimits, RATE_DEFAULTS, type RateLimits } from '../../../gateway/limits/rate-limits.ts'
import { createSharedRates } from '../../../gateway/limits/shared-rates.ts'
import { createLog } from '../../../gateway/observe/log.ts'
import type { Scope } from '../../support/child-process.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis } from '../../support/redis.ts'

const isFull = ({ limits }: { limits: RateLimits }): boolean =>
  (limits.byName.get('platform')?.waitOf('key') ?? 0) > 0

const settings = { ...RATE_DEFAULTS, platform: 100 }

function startSharing(t: Scope, url: string) {
  const limits = createRateLimits({ settings, clock: Date.now, isShared: true })
  const shared = createSharedRates({ url, limits, log: createLog('silent') })
  t.teardown(shared.close)
  const take = (count: number) =>
    Array.from({ length: count }, () => limits.identified('platform', 'key')).filter((waitS) => waitS === 0)
      .length
  return { ...shared, limits, take }
}

t.test('what one gateway counted is counted by the others within seconds', async (t) => {
  const redis = await startRedis(t)
  const [first, second] = [startSharing(t, redis.url), startSharing(t, redis.url)]
  await eventually('the second hears of it', () => {
    first.take(10)
    return second.limits.byName.get('platform')?.size === 1
  })
  t.ok(first.take(100) < 100)
  await eventually('the other is full by it, too', () => isFull(second))
})

t.test('without Redis each counts for itself; with Redis back they share again', async (t) => {
  const redis = await startRedis(t)
  const [first, second] = [startSharing(t, redis.url), startSharing(t, redis.url)]
  redis.pause()
  t.equal(first.take(150), 100)
  first.tell()
  t.equal(second.take(150), 100, 'nothing waits for Redis, and nothing is refused for it')
  redis.resume()
  t.equal(first.take(1), 0)
})

t.test('nonsense on the channel changes nothing', async (t) => {
  const redis = await startRedis(t)
  const gateway = startSharing(t, redis.url)
  const { Redis } = await import('ioredis')
  const other = new Redis(redis.url)
  t.teardown(() => other.disconnect())
  const nonsense = [
    'x',
    'null',
    '[]',
    '{"from":"x"}',
    '{"from":"x","takes":[["platform","key",-5],["platform","key",1.5],["platform","",5],["platform","key",1e300],["nothing","key",5],["platform"],"x"]}',
  ]
  await eventually('it listens', async () => (await other.publish('im:rates', 'x')) === 1)
  for (const text of nonsense) await other.publish('im:rates', text)
  await other.publish('im:rates', '{"from":"x","takes":[["client","after",1]]}')
  await eventually('the last was read', () => gateway.limits.byName.get('client')?.size === 1)
  t.equal(gateway.limits.byName.get('platform')?.size, 0)
})
