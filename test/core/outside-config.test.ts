import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { ConfigError, parseConfig } from '../../core/config.ts'

const base = {
  DATABASE_URL: 'pglite:memory',
  IDENTITY_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64url')}`,
  JWT_SECRET: 'long enough to be a secret',
}
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const account = JSON.stringify({ project_id: 'p', client_email: 'e@example.com', private_key: pem })

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig({ ...base, ...env })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

t.test('without these names nothing outside is told', async (t) => {
  const nothing = parseConfig(base).outside
  t.ok(Object.values(nothing).every((value) => value === undefined))
})

t.test('they are read as operators write them', async (t) => {
  const { outside } = parseConfig({
    ...base,
    WEBHOOK: 'https://hooks.example.com/',
    BADGE: 'http://badge:3120',
    CONSTANT_PUSH_BADGE: '1',
    FCM_SERVICE_ACCOUNT: Buffer.from(account).toString('base64'),
    APNS_KEY: pem.replaceAll('\n', '\\n'),
    APNS_KEY_ID: 'K',
    APNS_TEAM_ID: 'T',
    APNS_TOPIC: 'com.example',
  })
  t.match(outside, {
    webhookPrefix: 'https://hooks.example.com/',
    badgeUrl: 'http://badge:3120',
    constantBadge: 1,
    fcm: {
      projectId: 'p',
      tokenUrl: 'https://oauth2.googleapis.com/token',
      url: 'https://fcm.googleapis.com',
    },
    apns: { keyId: 'K', url: 'https://api.push.apple.com', key: pem },
  })
})

t.test('what is wrong is told by its name, without its value', async (t) => {
  const problems = problemsOf({
    WEBHOOK: 'ftp://secret',
    BADGE: 'secret',
    CONSTANT_PUSH_BADGE: '-1',
    FCM_SERVICE_ACCOUNT: '{"project_id": "secret"',
    APNS_TOPIC: 'secret',
  })
  for (const name of ['WEBHOOK', 'BADGE', 'CONSTANT_PUSH_BADGE', 'FCM_SERVICE_ACCOUNT', 'APNS_TOPIC'])
    t.ok(
      problems.some((problem) => problem.startsWith(`${name}:`)),
      name,
    )
  t.notMatch(problems.join(), /secret/)
  t.match(problemsOf({ APNS_TOPIC: 'x' }), [/APNS_TOPIC: needs APNS_KEY, APNS_KEY_ID, APNS_TEAM_ID/])
})
