import t from 'tap'
import { ConfigError, parseConfig } from '../../core/config.ts'

const SECRET = Buffer.alloc(32, 7).toString('base64url')
const GOOD = {
  DATABASE_URL: 'pglite:memory',
  IDENTITY_KEYS: `k1:${SECRET}`,
  JWT_SECRET: 'sixteen bytes or more',
}

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    parseConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

t.test('little is needed, the rest has defaults that bind to this machine alone', async (t) => {
  t.match(parseConfig(GOOD), {
    host: '127.0.0.1',
    port: 8090,
    internalHost: '127.0.0.1',
    internalPort: 8091,
    adminHost: '127.0.0.1',
    adminPort: 8092,
    databasePoolSize: 10,
    redisUrl: undefined,
    tokenLifetimeMs: 604_800_000,
    corsOrigins: ['*'],
    invitationRequired: false,
    bootstrap: undefined,
    logLevel: 'info',
  })
})

t.test('an empty value is no value', async (t) => {
  t.equal(parseConfig({ ...GOOD, CORE_PORT: '', REDIS_URL: ' ', BOOTSTRAP_APP: '' }).port, 8090)
})

t.test('every problem is told at once', async (t) => {
  const problems = problemsOf({
    CORE_PORT: '70000',
    CORE_INTERNAL_HOST: 'not a host',
    REDIS_URL: 'http://redis',
    DATABASE_URL: 'mysql://x',
    IDENTITY_KEYS: 'k1:short',
    JWT_SECRET: 'short',
    TOKEN_EXPIRATION_DAYS: 'week',
    CORS_ORIGINS: 'https://a.example/path',
    INVITATION_REQUIRED: 'perhaps',
    LOG_LEVEL: 'loud',
    FILES_S3_BUCKET: 'b',
    FILE_MAX_BYTES: 'many',
    SOCKET_PING_INTERVAL: '5s',
    SOCKET_CONNECTION_LIMIT: '0',
    DISABLE_LAST_READ: 'perhaps',
    PLATFORM_API_SOURCE_FILTER: '10.0.0.0/8, everywhere',
    BOOTSTRAP_APP: 'Not An Id',
  })
  const names = problems.map((problem) => problem.split(':')[0])
  t.strictSame(names.sort(), [
    'BOOTSTRAP_APP',
    'BOOTSTRAP_CLIENT_KEY',
    'BOOTSTRAP_PLATFORM_KEY',
    'CORE_INTERNAL_HOST',
    'CORE_PORT',
    'CORS_ORIGINS',
    'DATABASE_URL',
    'DISABLE_LAST_READ',
    'FILES_S3_BUCKET',
    'FILE_MAX_BYTES',
    'IDENTITY_KEYS',
    'INVITATION_REQUIRED',
    'JWT_SECRET',
    'LOG_LEVEL',
    'PLATFORM_API_SOURCE_FILTER',
    'REDIS_URL',
    'SOCKET_CONNECTION_LIMIT',
    'SOCKET_PING_INTERVAL',
    'TOKEN_EXPIRATION_DAYS',
  ])
})

t.test('the original’s names for its sockets and its platform keys are read', async (t) => {
  t.match(parseConfig(GOOD), { platformSources: [], sockets: { limits: {}, tellsReads: true } })
  const named = {
    SOCKET_PING_INTERVAL: '10000',
    SOCKET_CONNECTION_LIMIT: '5000',
    DISABLE_LAST_READ: 'true',
    PLATFORM_API_SOURCE_FILTER: '192.0.2.7, 2001:db8::/32',
  }
  t.match(parseConfig({ ...GOOD, ...named }), {
    platformSources: ['192.0.2.7', '2001:db8::/32'],
    sockets: { limits: { pingIntervalMs: 10_000, maxConnections: 5_000 }, tellsReads: false },
  })
})

t.test('what is missing is told', async (t) => {
  t.strictSame(problemsOf({}), [
    'DATABASE_URL: is not set',
    'IDENTITY_KEYS: is not set',
    'JWT_SECRET: is not set',
  ])
})

t.test('no problem quotes a secret', async (t) => {
  const problems = problemsOf({
    DATABASE_URL: 'postgers://user:database-password@db/x',
    REDIS_URL: 'redid://:redis-password@r',
    IDENTITY_KEYS: 'k1:identity-secret',
    JWT_SECRET: 'jwt-secret',
  })
  t.equal(problems.length, 4)
  t.notMatch(problems.join(), /password|identity-secret|jwt-secret/)
})

t.test('an app is bootstrapped with all of its names, or not at all', async (t) => {
  const bootstrap = { BOOTSTRAP_APP: 'demo', BOOTSTRAP_CLIENT_KEY: 'c', BOOTSTRAP_PLATFORM_KEY: 'p' }
  t.strictSame(parseConfig({ ...GOOD, ...bootstrap }).bootstrap, {
    app: 'demo',
    clientKey: 'c',
    platformKey: 'p',
  })
  t.equal(problemsOf({ ...GOOD, ...bootstrap, BOOTSTRAP_CLIENT_KEY: undefined }).length, 1)
})

t.test('a sandbox is asked for by name, or by development; it is off otherwise', async (t) => {
  const env = {
    DATABASE_URL: 'pglite:memory',
    IDENTITY_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
    JWT_SECRET: 'a secret of sixteen',
  }
  t.equal(parseConfig(env).sandbox, false)
  t.equal(parseConfig({ ...env, NODE_ENV: 'production' }).sandbox, false)
  t.equal(parseConfig({ ...env, NODE_ENV: 'development' }).sandbox, true)
  t.equal(parseConfig({ ...env, NODE_ENV: 'development', SANDBOX: 'false' }).sandbox, false)
  t.equal(parseConfig({ ...env, SANDBOX: 'true' }).sandbox, true)
  t.equal(parseConfig(env).reportUrl, undefined)
  t.equal(
    parseConfig({ ...env, REPORT_URL: 'https://ops.example/usage' }).reportUrl,
    'https://ops.example/usage',
  )
  t.throws(() => parseConfig({ ...env, REPORT_URL: 'ftp://x' }), /REPORT_URL/)
})
