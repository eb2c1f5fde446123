import t from 'tap'
import { parseSigningKeys, verifyIdentity } from '#contract/signature.ts'
import type { Credentials, Origin, Outcome, Proof } from '../../gateway/authn/authenticator.ts'
import { createPipeline } from '../../gateway/pipeline.ts'
import { unlimited } from '../support/unlimited.ts'

const keys = parseSigningKeys(`a:${Buffer.alloc(32, 1).toString('base64url')}`)
const none: Credentials = {
  clientKey: undefined,
  clientToken: undefined,
  platformKey: undefined,
  deviceId: undefined,
  actingUserId: undefined,
}
const from: Origin = { origin: undefined, address: '127.0.0.1', app: undefined }

function proofOf(kind: Proof['kind']): Proof {
  return {
    kind,
    app: 'demo',
    settings: { app: 'demo', origins: ['*'], allowPlatformKeyFromBrowser: false, platformSources: [] },
    userId: kind === 'client' ? 'ada' : undefined,
    credentialId: 'digest',
    expiresAtMs: undefined,
    cachedUntilMs: 0,
    signature: undefined,
  }
}

function pipelineWith(outcome: Outcome | undefined) {
  const clock = { now: 1_800_000_000_000 }
  const seen: Credentials[] = []
  const { admit } = createPipeline({
    authenticate: (credentials) => {
      seen.push(credentials)
      return outcome
    },
    limits: unlimited,
    signingKeys: () => keys,
    clock: () => clock.now,
  })
  return { admit, clock, seen }
}

t.test('a client proof becomes a signed client identity, synchronously', async (t) => {
  const { admit, clock } = pipelineWith({ proof: proofOf('client') })
  const admission = await admit({ ...none, deviceId: 'phone', actingUserId: 'grace' }, from)
  if (!admission.ok) throw new Error(admission.code)
  t.same(admission.identity, {
    kind: 'client',
    app: 'demo',
    userId: 'ada',
    deviceId: 'phone',
    credentialId: 'digest',
    expiresAtMs: undefined,
  })
  t.same(verifyIdentity(admission.signed.value, keys, clock.now), { identity: admission.identity })
})

t.test('IM-Client-ID selects the acting user of a platform key, and of nothing else', async (t) => {
  const { admit } = pipelineWith({ proof: proofOf('platform') })
  const admission = await admit({ ...none, actingUserId: 'grace' }, from)
  t.match(admission, { ok: true, identity: { kind: 'platform', userId: 'grace' } })
})

t.test('a signature is used again inside its window, for the same device and acting user only', async (t) => {
  const { admit, clock } = pipelineWith({ proof: proofOf('platform') })
  const sign = async (credentials: Credentials) => {
    const admission = await admit(credentials, from)
    return admission.ok ? admission.signed.value : admission.code
  }
  const first = await sign(none)
  clock.now += 19_999
  t.equal(await sign(none), first)
  clock.now += 1
  t.not(await sign(none), first)
  t.not(await sign({ ...none, actingUserId: 'ada' }), await sign({ ...none, actingUserId: 'grace' }))
  t.not(await sign({ ...none, deviceId: 'a' }), await sign({ ...none, deviceId: 'b' }))
})

t.test('what was signed while the clock was ahead is not used when it is right again', async (t) => {
  const { admit, clock } = pipelineWith({ proof: proofOf('client') })
  const nobody = pipelineWith(undefined)
  for (const [pipeline, at] of [
    [admit, clock],
    [nobody.admit, nobody.clock],
  ] as const) {
    at.now += 600_000
    await pipeline(none, { ...from, app: 'demo' }, 'socket')
    at.now -= 600_000
    const admission = await pipeline(none, { ...from, app: 'demo' }, 'socket')
    if (!admission.ok) throw new Error(admission.code)
    t.same(verifyIdentity(admission.signed.value, keys, at.now), { identity: admission.identity })
  }
})

t.test('no credentials: refused where an identity is needed, anonymous on a socket', async (t) => {
  const { admit } = pipelineWith(undefined)
  t.same(await admit(none, from), { ok: false, code: 'MISSING_CREDENTIALS' })
  t.same(await admit(none, from, 'client-key'), { ok: false, code: 'MISSING_CREDENTIALS' })
  t.match(await admit(none, { ...from, app: 'demo' }, 'socket'), {
    ok: true,
    identity: { kind: 'anonymous', app: 'demo' },
  })
})

t.test('a client key alone is an app without a user', async (t) => {
  const { admit } = pipelineWith({ proof: proofOf('client-key') })
  t.same(await admit(none, from), { ok: false, code: 'MISSING_TOKEN' })
  t.match(await admit(none, from, 'client-key'), { ok: true, identity: { kind: 'anonymous', app: 'demo' } })
  t.match(await admit(none, from, 'socket'), { ok: true, identity: { kind: 'anonymous', app: 'demo' } })
})

t.test('a bad credential is refused on a socket too, never taken for anonymous', async (t) => {
  const { admit } = pipelineWith({ refused: 'INVALID_TOKEN' })
  t.same(await admit(none, from, 'socket'), { ok: false, code: 'INVALID_TOKEN' })
})

t.test(
  'where only a client key is needed a stale token is not looked at; where nothing is, nothing is',
  async (t) => {
    const { admit, seen } = pipelineWith({ proof: proofOf('client-key') })
    await admit({ ...none, clientKey: 'k', clientToken: 'stale' }, from, 'client-key')
    t.equal(seen[0]?.clientToken, undefined)
    t.match(await admit({ ...none, clientToken: 'stale' }, from, 'nothing'), {
      ok: true,
      identity: { kind: 'anonymous' },
    })
    t.equal(seen.length, 1)
  },
)
