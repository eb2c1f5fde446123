import type { Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { type FailureStand, PLATFORM_KEY, type Verdict } from './stand.ts'

export const ALLOWED = { status: 200 }
export const UNAVAILABLE = { status: 503, code: 'AUTHENTICATION_UNAVAILABLE', retryAfter: /^\d+$/ }
/** The feed's own bound for noticing a connection that hangs is ten seconds. */
const NOTICED_WITHIN_MS = 20_000

export type Fault = { strike(stand: FailureStand): unknown; heal(stand: FailureStand): unknown }

export const CORE_FAULTS = {
  'the core is killed': {
    strike: async ({ core }) => {
      core.signal('SIGKILL')
      await core.ended
    },
    heal: ({ startCore }) => startCore(),
  },
  'the core is stopped (SIGSTOP)': {
    strike: ({ core }) => core.signal('SIGSTOP'),
    heal: ({ core }) => core.signal('SIGCONT'),
  },
  'the core is partitioned': {
    strike: ({ internal }) => internal.partition(),
    heal: ({ internal }) => internal.heal(),
  },
  'the core refuses connections': {
    strike: ({ internal }) => internal.refuse(),
    heal: ({ internal }) => internal.accept(),
  },
  'the core’s answers are lost': {
    strike: ({ internal }) => {
      internal.down.blackhole = true
    },
    heal: ({ internal }) => internal.heal(),
  },
} satisfies Record<string, Fault>

/** Good credentials only come through here: whatever happens, none of them is ever told that it is bad. */
export async function expect(
  t: Test,
  cell: string,
  verdict: Promise<Verdict>,
  expected: object,
): Promise<void> {
  const got = await verdict
  t.not(got.status, 401, `${cell}: 401 would be a lie`)
  t.match(got, expected, cell)
}

/** Goes through the matrix's columns as a fault lasts, and out of it again. `storeDown`: introspection fails too. */
export async function walkMatrix(
  t: Test,
  stand: FailureStand,
  fault: Fault,
  storeDown: boolean,
): Promise<void> {
  const { clock, metric, withKey, withToken, behindS } = stand
  const withRedis = stand.redis !== undefined
  for (const name of ['cached', 'tunnel', 'late', 'later', 'in-redis'])
    await stand.bind(name, `${name}-token`)
  await eventually('the feed is followed', stand.ready)
  await expect(t, 'token, feed current', withToken('cached-token'), ALLOWED)
  await expect(t, 'platform key, feed current', withKey(), ALLOWED)
  t.match(await withToken('no-such-token'), { status: 401, code: 'INVALID_TOKEN' })
  const tunnel = await stand.openTunnel('tunnel-token')
  t.equal(tunnel.answer.status, 101)
  if (withRedis) {
    await stand.intoRedis('in-redis-token')
    for (const token of ['late-token', 'later-token']) await stand.outOfRedis(token)
  }
  t.equal(await behindS(), 0)

  await fault.strike(stand)
  await eventually('the gateway notices', async () => (await behindS()) > 0, NOTICED_WITHIN_MS)
  const counted = await metric('gateway_authentication_events_total{event="cache-hit-behind"}')
  await expect(t, 'token, behind ≤ 30 s', withToken('cached-token'), ALLOWED)
  await expect(t, 'platform key, behind ≤ 30 s', withKey(), ALLOWED)
  t.ok(
    (await metric('gateway_authentication_events_total{event="cache-hit-behind"}')) > counted,
    'and counted',
  )
  t.notOk(tunnel.connection.isClosed(), 'tunnel, behind ≤ 30 s')
  await expect(t, 'token, not cached', withToken('late-token'), storeDown ? UNAVAILABLE : ALLOWED)
  if (withRedis) await expect(t, 'token, not cached, in Redis', withToken('in-redis-token'), ALLOWED)
  t.match(await withToken('never-a-token'), storeDown ? UNAVAILABLE : { status: 401 })
  t.match(await withKey('never-a-key'), storeDown ? UNAVAILABLE : { status: 401 })

  clock.offsetMs += 31_000
  await expect(t, 'token, behind longer', withToken('cached-token'), UNAVAILABLE)
  await expect(t, 'platform key, behind longer', withKey(), UNAVAILABLE)
  if (withRedis) await expect(t, 'token, in Redis, behind longer', withToken('in-redis-token'), UNAVAILABLE)
  await expect(t, 'token, not cached, behind longer', withToken('later-token'), UNAVAILABLE)
  t.notOk(await stand.ready(), 'and balancers are told')
  t.ok((await behindS()) > 30, 'how far behind is a metric')
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  t.notOk(tunnel.connection.isClosed(), 'tunnel, behind longer')

  clock.offsetMs += 300_000
  await tunnel.connection.untilClosed()
  t.pass('tunnel, behind for five minutes: cut')

  clock.offsetMs = 0
  await fault.heal(stand)
  await eventually('it is current again', async () => (await behindS()) === 0, NOTICED_WITHIN_MS)
  t.ok(await stand.ready())
  await expect(t, 'token, healed', withToken('cached-token'), ALLOWED)
  await expect(t, 'platform key, healed', withKey(PLATFORM_KEY), ALLOWED)
  await expect(t, 'token, not cached, healed', withToken('late-token'), ALLOWED)
  t.match(await withToken('no-such-token'), { status: 401 })
}
