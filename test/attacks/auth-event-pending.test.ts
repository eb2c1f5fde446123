/**
 * While a lookup is under way, what follows must not overtake it (a message would be judged as anonymous, or, after
 * another authentication, as somebody else's); a lookup that never ends must not hold the socket for ever; and its late
 * answer must not bind a credential that was revoked meanwhile (CVE-2026-34503 and its kind).
 */
import t, { type Test } from 'tap'
import type { Outcome } from '../../gateway/authn/authenticator.ts'
import { clientFrame, readTexts } from '../gateway/tunnel/client-frames.ts'
import { openSocket, proofOf, startStand, until, userOf } from '../gateway/tunnel/stand.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

type Pending = { token: string | undefined; settle: (outcome: Outcome) => void; fail: (error: Error) => void }

async function standWithPending(t: Test, limits = {}) {
  const pending: Pending[] = []
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, {
    cores: [core.port],
    limits,
    lookup({ clientToken }) {
      if (clientToken === undefined) return undefined
      const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
      pending.push({ token: clientToken, settle: resolve, fail: reject })
      return promise
    },
  })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  const texts = () => readTexts(connection.tunnelled())
  return { stand, client, connection, pending, texts }
}

t.test('nothing overtakes a lookup, and one lookup follows another', async (t) => {
  const { stand, client, pending, texts } = await standWithPending(t)
  client.write(
    Buffer.concat([
      clientFrame('40'),
      clientFrame('421["auth","good-1"]'),
      clientFrame('42["first"]'),
      clientFrame('422["auth","good-2"]'),
    ]),
  )
  client.write(clientFrame('42["second"]'))
  await until('the lookup begins', () => pending.length === 1)
  client.write(clientFrame('42["third"]'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.same(texts(), ['40'])
  pending[0]?.settle({ proof: proofOf('good-1') })
  await until('the second lookup begins', () => pending.length === 2)
  await until('what stands before it arrives', () => texts().length === 3)
  t.equal(userOf(stand, texts()[1] ?? ''), 'user-of-good-1')
  t.equal(texts()[2], '42["first"]')
  pending[1]?.settle({ proof: proofOf('good-2') })
  await until('all arrive', () => texts().length === 6)
  t.equal(userOf(stand, texts()[3] ?? ''), 'user-of-good-2')
  t.same(texts().slice(4), ['42["second"]', '42["third"]'])
})

t.test('a lookup that takes too long, or fails, is 503 and never 401; the socket goes on', async (t) => {
  const { client, pending, texts, stand } = await standWithPending(t, { lookupTimeoutMs: 100 })
  client.write(Buffer.concat([clientFrame('421["auth","never"]'), clientFrame('42["after"]')]))
  const refused = '421["auth",{"refused":{"code":"AUTHENTICATION_UNAVAILABLE","RC":503}}]'
  await until('it is given up', () => texts().length === 2)
  t.same(texts(), [refused, '42["after"]'])
  pending[0]?.settle({ proof: proofOf('never') })
  client.write(clientFrame('421["auth","broken"]'))
  await until('the lookup begins', () => pending.length === 2)
  pending[1]?.fail(new Error('the store is down'))
  await until('it is answered', () => texts().length === 3)
  t.equal(texts()[2], refused)
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 1 }, 'a late answer binds nothing')
})

t.test('an answer from before a revocation is not believed after it', async (t) => {
  const { stand, client, pending, texts } = await standWithPending(t)
  const { registry } = stand.tunnels
  const revocations = [
    () => registry.closeCredential('id-of-good'),
    () => registry.closeUser('demo', 'user-of-good'),
    () => void registry.closeApp('demo'),
    () => void registry.closeEvery({ windowMs: 60_000 }),
  ]
  for (const [i, revoke] of revocations.entries()) {
    if (i === 3) break
    client.write(clientFrame('421["auth","good"]'))
    await until('the lookup begins', () => pending.length === i + 1)
    revoke()
    pending[i]?.settle({ proof: proofOf('good') })
    await until('it is answered', () => texts().length === i + 1)
    t.equal(texts()[i], '421["auth",{"refused":{"code":"INVALID_TOKEN","RC":401}}]')
    t.same(registry.counts(), { identified: 0, anonymous: 1 })
  }
  client.write(clientFrame('421["auth","good"]'))
  await until('the lookup begins', () => pending.length === 4)
  pending[3]?.settle({ proof: proofOf('good') })
  await until('it is answered', () => texts().length === 4)
  t.equal(userOf(stand, texts()[3] ?? ''), 'user-of-good', 'a lookup from after it is believed')
})

t.test('a client that leaves during a lookup leaves nothing behind', async (t) => {
  const { stand, client, connection, pending } = await standWithPending(t)
  client.write(clientFrame('421["auth","good"]'))
  await until('the lookup begins', () => pending.length === 1)
  await stand.tunnels.registry.closeAll({ windowMs: 0 })
  await Promise.all([client.closed, connection.closed])
  pending[0]?.settle({ proof: proofOf('good') })
  client.destroy()
  await until('it is gone', () => stand.tunnels.registry.counts().anonymous === 0)
  t.equal(readTexts(connection.tunnelled()).length, 0)
})
