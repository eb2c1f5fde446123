// Redis is an aid, never a need: whatever happens to it, good credentials pass, bad ones are refused, a revocation is
// heard of, and the gateway stays ready.

import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { ALLOWED, CORE_FAULTS, expect, UNAVAILABLE } from './matrix.ts'
import { type FailureStand, startFailureStand } from './stand.ts'

type Fault = { strike(stand: FailureStand): unknown; heal(stand: FailureStand): unknown }

const FAULTS: Record<string, Fault> = {
  'is stopped (SIGSTOP)': { strike: ({ redis }) => redis.pause(), heal: ({ redis }) => redis.resume() },
  'is partitioned': { strike: ({ toRedis }) => toRedis.partition(), heal: ({ toRedis }) => toRedis.heal() },
  'answers too late': {
    strike: ({ toRedis }) => {
      toRedis.down.delayMs = 2_000
    },
    heal: ({ toRedis }) => toRedis.heal(),
  },
  'cuts its connections': { strike: ({ toRedis }) => toRedis.cut(), heal: () => undefined },
  'refuses connections': {
    strike: ({ toRedis }) => toRedis.refuse(),
    heal: ({ toRedis }) => toRedis.accept(),
  },
  'is killed': { strike: ({ redis }) => redis.stop(), heal: () => undefined },
}

const stand = await startFailureStand(t, { redis: true })
const { bind, revoke, withKey, withToken } = stand
await eventually('the feed is followed', stand.ready)

for (const [index, [name, fault]] of Object.entries(FAULTS).entries())
  t.test(`while Redis ${name}`, async (t) => {
    const token = (what: string) => `${what}-${index}`
    for (const what of ['cached', 'late', 'revoked']) await bind(token(what), token(what))
    await expect(t, 'token, cached', withToken(token('cached')), ALLOWED)
    await expect(t, 'token, to be revoked', withToken(token('revoked')), ALLOWED)
    await fault.strike(stand)
    await expect(t, 'token, cached', withToken(token('cached')), ALLOWED)
    await expect(t, 'token, not cached', withToken(token('late')), ALLOWED)
    await expect(t, 'platform key', withKey(), ALLOWED)
    t.match(await withToken(token('never')), { status: 401, code: 'INVALID_TOKEN' })
    t.match(await withKey(token('never')), { status: 401, code: 'INVALID_API_KEY' })
    await revoke(token('revoked'), token('revoked'))
    await eventually(
      'the revocation is heard of',
      async () => (await withToken(token('revoked'))).status === 401,
    )
    t.ok(await stand.ready(), 'the gateway stays ready')
    await fault.heal(stand)
    t.match(await withToken(token('revoked')), { status: 401 }, 'and Redis does not bring it back')
  })

t.test('with neither Redis nor core, what is cached passes and what is not is 503', async (t) => {
  await bind('last', 'last-token')
  await expect(t, 'token, cached', withToken('cached-0'), ALLOWED)
  await expect(t, 'platform key', withKey(), ALLOWED)
  await CORE_FAULTS['the core refuses connections'].strike(stand)
  await eventually('the gateway notices', async () => (await stand.behindS()) > 0)
  await expect(t, 'token, cached', withToken('cached-0'), ALLOWED)
  await expect(t, 'platform key', withKey(), ALLOWED)
  await expect(t, 'token, not cached', withToken('last-token'), UNAVAILABLE)
  t.match(await withToken('never-a-token'), UNAVAILABLE, 'what cannot be known is not called bad')
  await CORE_FAULTS['the core refuses connections'].heal(stand)
  await eventually('it is current again', async () => (await stand.behindS()) === 0)
  await expect(t, 'token, not cached, healed', withToken('last-token'), ALLOWED)
})
