import t, { type Test } from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import type { ExternalAuth } from '#contract/internal.ts'
import { answerByToken, answerJson, type Respond, startAuthService } from './auth-service.ts'
import { BANK_KEY, startForeignAuthn, unavailable } from './foreign-authn.ts'

async function setUp(t: Test, respond: Respond = answerByToken, more: Partial<ExternalAuth> = {}) {
  const service = await startAuthService(t, respond)
  const external = {
    url: `${service.url}/verify`,
    timeoutMs: 400,
    cacheMs: 60_000,
    isDeployments: false,
    ...more,
  }
  return { service, external, ...(await startForeignAuthn(t, { external })) }
}

t.test('a token that the service knows proves its user, who is provisioned first', async (t) => {
  const s = await setUp(
    t,
    answerJson({ id: 'ada', nickname: 'Ada', avatarUrl: 'https://a.example/a.png', x: 1 }),
  )
  const outcome = await s.authenticate('any text')
  t.match(outcome, {
    proof: {
      kind: 'client',
      app: 'shop',
      userId: 'ada',
      credentialId: credentialDigest('client-token', 'shop', 'any text'),
      expiresAtMs: undefined,
    },
  })
  t.strictSame(s.store.provisioned, [
    { app: 'shop', userId: 'ada', nickname: 'Ada', avatarUrl: 'https://a.example/a.png' },
  ])
  t.match(s.service.requests, [{ method: 'POST', url: '/verify', body: '{"token":"any text"}' }])
  t.notMatch(s.service.requests[0]?.headers, { authorization: String })
})

t.test('the service is asked once in a while, not once a request, and once for a herd', async (t) => {
  const s = await setUp(t)
  const herd = await Promise.all(Array.from({ length: 200 }, () => s.whoIs('token-of-ada')))
  t.ok(herd.every((who) => who === 'user ada'))
  t.equal(s.service.requests.length, 1)
  t.equal(s.store.provisioned.length, 1)
  s.clock.nowMs += 44_000
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  t.equal(s.service.requests.length, 1)
  s.clock.nowMs += 17_000
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  t.equal(s.service.requests.length, 2)
})

t.test('a token that the service refuses is refused, for a short while without asking', async (t) => {
  const s = await setUp(t)
  t.equal(await s.whoIs('stolen'), 'INVALID_TOKEN')
  t.equal(await s.whoIs('stolen'), 'INVALID_TOKEN')
  t.equal(s.service.requests.length, 1)
  t.strictSame(s.store.provisioned, [])
  s.clock.nowMs += 10_001
  t.equal(await s.whoIs('stolen'), 'INVALID_TOKEN')
  t.equal(s.service.requests.length, 2)
  for (const status of [400, 403, 404, 422]) {
    s.service.respond = answerJson({}, status)
    t.equal(await s.whoIs(`token ${status}`), 'INVALID_TOKEN')
  }
})

t.test('whatever else it answers is no answer: 503, remembered by nobody', async (t) => {
  const broken: [string, Respond][] = [
    ['500', answerJson({ id: 'ada' }, 500)],
    ['503', answerJson({}, 503)],
    ['429: not now', answerJson({}, 429)],
    ['408', answerJson({}, 408)],
    ['204', (_, response) => response.writeHead(204).end()],
    ['201', answerJson({ id: 'ada' }, 201)],
    ['no JSON', (_, response) => response.end('<html>')],
    ['an empty body', (_, response) => response.end()],
    ['no id', answerJson({ nickname: 'Ada' })],
    ['an id that is none', answerJson({ id: { $ne: null } })],
    ['an empty id', answerJson({ id: '' })],
    ['an id with a control character', answerJson({ id: 'ada\u0000' })],
    ['an id with half a character', (_, response) => response.end('{"id":"\\ud800"}')],
    ['an endless id', answerJson({ id: 'x'.repeat(300) })],
    ['a list', answerJson([{ id: 'ada' }])],
    ['null', answerJson(null)],
    [
      'a cut answer',
      (_, response) =>
        response.writeHead(200, { 'content-length': '50' }).write('{"id":"ada"', () => response.destroy()),
    ],
    ['no answer at all', (_, response) => response.destroy()],
  ]
  for (const [what, respond] of broken) {
    const s = await setUp(t, respond)
    await t.rejects(s.whoIs('token-of-ada'), unavailable, what)
    s.service.respond = answerByToken
    t.equal(await s.whoIs('token-of-ada'), 'user ada', `${what}: the next is asked anew`)
  }
})

t.test('numbers are ids too; of the profile only what can be kept is taken', async (t) => {
  const s = await setUp(t, answerJson({ id: 42, nickname: 7, avatarUrl: 'x'.repeat(20_000) }))
  t.equal(await s.whoIs('a'), 'user 42')
  t.strictSame(s.store.provisioned, [{ app: 'shop', userId: '42' }])
})

t.test('an end that the service names is the credential’s end', async (t) => {
  const s = await setUp(t)
  const exp = Math.floor(s.clock.nowMs / 1_000) + 20
  s.service.respond = answerJson({ id: 'ada', exp, iat: exp - 100 })
  t.match(await s.authenticate('a'), { proof: { expiresAtMs: exp * 1_000 } })
  t.match(s.store.provisioned, [{ issuedAtMs: (exp - 100) * 1_000 }])
  s.clock.nowMs += 21_000
  t.equal(await s.whoIs('a'), 'INVALID_TOKEN', 'one that has ended is refused, whatever the service thinks')
})

t.test('a slow service costs its time limit and no more; others are not kept waiting', async (t) => {
  const s = await setUp(t, () => {})
  s.store.bind('shop', 'row', 'bob')
  await s.follow()
  const slow = t.rejects(s.whoIs('token-of-ada'), unavailable)
  t.equal(await s.whoIs('row'), 'user bob')
  await slow
})

t.test('a service that fails is left alone for a while, then tried with one question', async (t) => {
  const s = await setUp(t, answerJson({}, 500))
  for (let i = 0; i < 5; i++) await t.rejects(s.whoIs(`token-of-${i}`), unavailable)
  t.equal(s.service.requests.length, 5)
  await t.rejects(s.whoIs('token-of-5'), unavailable)
  t.equal(s.service.requests.length, 5, 'not asked')
  t.equal(s.count('external-paused'), 1)

  s.clock.nowMs += 1_000
  const results = await Promise.allSettled([1, 2, 3].map((i) => s.whoIs(`token-of-x${i}`)))
  t.ok(results.every(({ status }) => status === 'rejected'))
  t.equal(s.service.requests.length, 6, 'one probe')
  s.service.respond = answerByToken
  await t.rejects(s.whoIs('token-of-y'), unavailable, 'the pause has begun anew')
  s.clock.nowMs += 2_000
  t.equal(await s.whoIs('token-of-z'), 'user z')
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
})

t.test('a service that is gone is 503, and what was proven stays so', async (t) => {
  const s = await setUp(t)
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  await s.service.stop()
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  await t.rejects(s.whoIs('token-of-bob'), unavailable)
  await s.service.restart()
  t.equal(await s.whoIs('token-of-bob'), 'user bob')
})

t.test('many questions at one time are bounded, and the rest is told to come back', async (t) => {
  const s = await setUp(t, () => {}, { timeoutMs: 2_000 })
  const waiting = Array.from({ length: 100 }, (_, i) => s.whoIs(`token-of-${i}`).catch((error) => error.code))
  while (s.count('external-paused') < 36) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(s.count('external-paused'), 36)
  await s.service.stop()
  t.ok((await Promise.all(waiting)).every((code) => code === unavailable.code))
})

t.test('a row decides, live or ended: the service is not asked', async (t) => {
  const s = await setUp(t, answerJson({ id: 'mallory' }))
  s.store.bind('shop', 'row', 'ada')
  await s.follow()
  t.equal(await s.whoIs('row'), 'user ada')
  s.store.revokeToken('shop', 'row')
  await s.follow()
  t.equal(await s.whoIs('row'), 'INVALID_TOKEN')
  t.equal(s.service.requests.length, 0)
})

t.test('a core that fails is no reason to ask the service', async (t) => {
  const s = await setUp(t)
  await s.whoIs('token-of-ada')
  s.core.introspection = () => ({ status: 500 })
  await t.rejects(s.whoIs('token-of-bob'), unavailable)
  t.equal(s.service.requests.length, 1)
})

t.test('a user who is disabled is refused, at once and on every later question', async (t) => {
  const s = await setUp(t)
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  s.store.disable('shop', 'ada')
  await s.follow()
  t.equal(await s.whoIs('token-of-ada'), 'INVALID_TOKEN')
  t.equal(await s.whoIs('token-of-bob'), 'user bob')
})

t.test('a user’s revocation evicts what the service said before', async (t) => {
  const s = await setUp(t)
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  s.service.respond = answerJson({}, 401)
  s.store.revokeUser('shop', 'ada')
  await s.follow()
  t.equal(await s.whoIs('token-of-ada'), 'INVALID_TOKEN')
})

t.test('an answer that was under way while its user was revoked is not believed', async (t) => {
  let answer = () => {}
  const s = await setUp(t, (request, response) => {
    answer = () => answerByToken(request, response)
  })
  const asked = s.whoIs('token-of-ada')
  while (s.service.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  s.store.revokeUser('shop', 'ada')
  await s.follow()
  answer()
  await t.rejects(asked, unavailable)
})

t.test('an answer that was under way while its app changed is not believed either', async (t) => {
  let answer = () => {}
  const s = await setUp(t, (request, response) => {
    answer = () => answerByToken(request, response)
  })
  const asked = s.whoIs('token-of-ada')
  while (s.service.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  s.store.changeSettings('shop', { authentication: {} })
  await s.follow()
  answer()
  await t.rejects(asked, unavailable)
  t.equal(await s.whoIs('token-of-ada'), 'INVALID_TOKEN')
})

t.test('a user that cannot be provisioned is not believed, and not refused', async (t) => {
  const s = await setUp(t)
  for (const wrong of [
    { status: 500 },
    { status: 404 },
    { raw: '{}' },
    { raw: '{"position":1,"allowed":"yes"}' },
  ]) {
    s.core.provisioning = () => wrong
    await t.rejects(s.whoIs('token-of-ada'), unavailable)
  }
  s.core.provisioning = undefined
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
})

t.test('what one app’s service vouches for is nothing in another app', async (t) => {
  const s = await setUp(t)
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
  t.equal(await s.whoIs('token-of-ada', BANK_KEY), 'INVALID_TOKEN')
  t.equal(s.service.requests.length, 1)
})

t.test('one app’s failing service is not another’s, at the same address neither', async (t) => {
  const s = await setUp(t)
  s.store.changeSettings('bank', { authentication: { external: { ...s.external, timeoutMs: 1 } } })
  await s.follow()
  s.service.respond = () => {}
  for (let i = 0; i < 6; i++) await t.rejects(s.whoIs(`token-of-${i}`, BANK_KEY), unavailable)
  t.ok(s.count('external-paused') > 0)
  s.service.respond = answerByToken
  t.equal(await s.whoIs('token-of-ada'), 'user ada')
})
