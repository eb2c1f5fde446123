import t from 'tap'
import type { CloseReason } from '../../../gateway/tunnel/close-reason.ts'
import type { NamedIdentity } from '../../../gateway/tunnel/exchange.ts'
import { TUNNEL_LIMITS } from '../../../gateway/tunnel/limits.ts'
import { createPollingSessions } from '../../../gateway/tunnel/polling-sessions.ts'
import { createRegistry, type Live } from '../../../gateway/tunnel/registry.ts'

const identityOf = (
  credentialId: string,
  userId: string,
  app = 'demo',
  expiresAtMs?: number,
): NamedIdentity => ({
  kind: 'client',
  app,
  userId,
  deviceId: undefined,
  credentialId,
  expiresAtMs,
})

function stand(t: { teardown(close: () => void): void }) {
  const clock = { nowMs: 1_000 }
  const sessions = createPollingSessions(() => clock.nowMs)
  const registry = createRegistry({ clock: () => clock.nowMs, limits: TUNNEL_LIMITS, sessions })
  t.teardown(() => registry.close())
  const closed = new Map<string, CloseReason>()
  const live = (name: string, identity?: NamedIdentity): Live => {
    const member: Live = {
      identity: undefined,
      address: '192.0.2.1',
      sinceMs: clock.nowMs,
      close(reason) {
        closed.set(name, reason)
        registry.remove(member)
      },
      sweep: () => undefined,
    }
    registry.add(member, identity)
    return member
  }
  return { clock, registry, sessions, closed, live }
}

t.test('a revocation ends what lives by it, and nothing else', async (t) => {
  const { registry, closed, live } = stand(t)
  live('a1', identityOf('c1', 'ann'))
  live('a1 again', identityOf('c1', 'ann'))
  live('a2', identityOf('c2', 'ann'))
  live('b', identityOf('c3', 'bob'))
  live('other app', identityOf('c4', 'ann', 'other'))
  live('server for ann', { ...identityOf('c5', 'ann'), kind: 'platform' })
  live('nobody')
  registry.closeCredential('c1')
  t.same([...closed.keys()], ['a1', 'a1 again'])
  registry.closeUser('demo', 'ann')
  t.same([...closed.keys()], ['a1', 'a1 again', 'a2'])
  await registry.closeApp('demo')
  t.same([...closed.keys()].slice(3).sort(), ['b', 'server for ann'])
  t.same(registry.counts(), { identified: 1, anonymous: 1 })
})

t.test('a tunnel that authenticates again moves', async (t) => {
  const { registry, closed, live } = stand(t)
  const moved = live('moved', identityOf('c1', 'ann'))
  registry.bind(moved, identityOf('c2', 'bob', 'other'))
  registry.closeCredential('c1')
  registry.closeUser('demo', 'ann')
  await registry.closeApp('demo')
  t.equal(closed.size, 0)
  registry.closeUser('other', 'bob')
  t.same([...closed], [['moved', 'revoked']])
})

t.test('a credential that expires ends its tunnels at the next sweep', async (t) => {
  const { clock, registry, closed, live } = stand(t)
  live('soon', identityOf('c1', 'ann', 'demo', 2_000))
  live('never', identityOf('c2', 'ann'))
  registry.sweep()
  t.equal(closed.size, 0)
  clock.nowMs = 2_000
  registry.sweep()
  t.same([...closed], [['soon', 'expired']])
})

t.test('a renewed credential ends its tunnels and polling sessions at its new time', async (t) => {
  const { clock, registry, sessions, closed, live } = stand(t)
  live('sooner', identityOf('c1', 'ann', 'demo', 9_000))
  live('later', identityOf('c2', 'ann', 'demo', 2_000))
  live('without end', identityOf('c3', 'ann', 'demo', 2_000))
  live('another', identityOf('c4', 'ann', 'demo', 9_000))
  sessions.bind('polls', identityOf('c1', 'ann', 'demo', 9_000))
  registry.renewCredential('c1', 3_000)
  registry.renewCredential('c2', 9_000)
  registry.renewCredential('c3', null)
  registry.sweep()
  t.notOk(sessions.isRevoked('polls'))
  clock.nowMs = 3_000
  registry.sweep()
  t.same([...closed], [['sooner', 'expired']])
  t.ok(sessions.isRevoked('polls'))
  clock.nowMs = 9_000
  registry.sweep()
  t.same([...closed.keys()].sort(), ['another', 'later', 'sooner'])
})

t.test('a tunnel that is over is not bound again, and not counted', async (t) => {
  const { registry, live } = stand(t)
  const over = live('over')
  registry.remove(over)
  registry.bind(over, identityOf('c1', 'ann'))
  registry.remove(over)
  t.same(registry.counts(), { identified: 0, anonymous: 0 })
})

t.test('a revocation counts against lookups that began before it, for a while', async (t) => {
  const { clock, registry } = stand(t)
  const { revocations } = registry
  const ann = identityOf('c1', 'ann')
  const before = revocations.current()
  t.notOk(revocations.revokedSince(ann, before))
  registry.closeCredential('c1')
  t.ok(revocations.revokedSince(ann, before))
  t.notOk(
    revocations.revokedSince(ann, revocations.current()),
    'one that is granted anew is believed at once',
  )
  t.notOk(revocations.revokedSince(identityOf('c2', 'ann'), before))
  registry.closeUser('demo', 'bob')
  t.ok(revocations.revokedSince(identityOf('c9', 'bob'), before))
  t.notOk(revocations.revokedSince({ ...identityOf('c9', 'bob'), kind: 'platform' }, before))
  t.notOk(revocations.revokedSince(identityOf('c9', 'bob', 'other'), before))
  clock.nowMs += 60_000
  registry.closeCredential('c8')
  t.notOk(revocations.revokedSince(ann, before), 'no lookup is that old')
})

t.test('who drains takes nobody in any more', async (t) => {
  const { registry, closed, live } = stand(t)
  live('there', identityOf('c1', 'ann'))
  await registry.closeAll({ windowMs: 0 })
  t.same([...closed], [['there', 'draining']])
  const late = { identity: undefined, address: '192.0.2.1', sinceMs: 0, close() {}, sweep() {} }
  t.equal(registry.add(late, identityOf('c1', 'ann')), 'DRAINING')
  t.same(registry.counts(), { identified: 0, anonymous: 0 })
})
