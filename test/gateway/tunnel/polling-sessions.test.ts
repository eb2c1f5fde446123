import t from 'tap'
import type { NamedIdentity } from '../../../gateway/tunnel/exchange.ts'
import { createPollingSessions } from '../../../gateway/tunnel/polling-sessions.ts'

const identity: NamedIdentity = {
  kind: 'client',
  app: 'demo',
  userId: 'ann',
  deviceId: undefined,
  credentialId: 'a',
  expiresAtMs: undefined,
}

t.test('a session that is over is let go, although nobody asks for it again', async (t) => {
  const clock = { nowMs: 1_000 }
  const sessions = createPollingSessions(() => clock.nowMs, { forgottenMs: 300 })
  for (let i = 0; i < 10; i++) sessions.bind(`left-${i}`, identity)
  sessions.bind('kept', identity)
  for (let i = 0; i < 4; i++) {
    clock.nowMs += 100
    t.equal(sessions.identityOf('kept'), identity)
  }
  sessions.bind('new', identity)
  t.equal(sessions.count(), 2)
  t.equal(sessions.identityOf('kept'), identity)
  t.equal(sessions.identityOf('left-1'), undefined)
})

t.test('there are never more than the bound', async (t) => {
  const sessions = createPollingSessions(() => 0, { maxSessions: 5 })
  for (let i = 0; i < 20; i++) sessions.bind(`s-${i}`, identity)
  t.equal(sessions.count(), 5)
})
