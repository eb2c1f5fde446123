import t from 'tap'
import { parseRedisUrl } from '#contract/redis-url.ts'

t.test('one Redis is named as everywhere', async (t) => {
  t.same(parseRedisUrl('redis://user:pass@redis:6380/2/'), {
    kind: 'one',
    url: 'redis://user:pass@redis:6380/2',
  })
  t.match(parseRedisUrl('rediss://redis'), { kind: 'one' })
})

t.test('of a cluster some nodes are named', async (t) => {
  t.same(parseRedisUrl('redis+cluster://one:7000,two,[::1]:7002'), {
    kind: 'cluster',
    nodes: [
      { host: 'one', port: 7_000 },
      { host: 'two', port: 6_379 },
      { host: '::1', port: 7_002 },
    ],
    username: undefined,
    password: undefined,
    isEncrypted: false,
  })
  t.match(parseRedisUrl('rediss+cluster://im:p%2Fw@one:7000,two:7001'), {
    username: 'im',
    password: 'p/w',
    isEncrypted: true,
  })
  t.match(parseRedisUrl('redis+cluster://:only@one'), { username: undefined, password: 'only' })
})

t.test('anything else is refused without being quoted', async (t) => {
  const wrong = [
    '',
    'redis',
    'http://x',
    'redis+cluster://',
    'redis+cluster://a,,b',
    'redis+cluster://s3cr3t@a:x',
  ]
  for (const text of wrong)
    t.throws(() => parseRedisUrl(text), { message: /^is not a URL such as (?!.*s3cr3t)/ }, text)
})
