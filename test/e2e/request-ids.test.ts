import t from 'tap'
import { startPostgres } from '../support/postgres.ts'
import { startStack } from '../support/stack.ts'

t.setTimeout(240_000)

t.test('the id that a client is told names its request in the core’s log', async (t) => {
  const postgres = await startPostgres(t, { dedicated: true })
  const stack = await startStack(t, { coreEnv: { DATABASE_URL: postgres.url } })
  const ann = await stack.createUser('ann')
  t.equal((await ann.api.call('GET', '/me')).status, 200)
  await postgres.stop()

  const answer = await ann.api.call('GET', '/me')
  t.ok(answer.status >= 500, answer.text)
  const id = String(answer.headers['x-request-id'])
  t.match(id, /^[\w-]{8,}$/)
  const [core] = stack.cores
  const line = JSON.parse((await core?.logged(`"requestId":"${id}"`)) ?? '{}')
  t.match(line, { service: 'core', method: 'GET', route: '/me', reason: /^(STORE_UNAVAILABLE|INTERNAL)$/ })
})
