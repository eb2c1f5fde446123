import pg from 'pg'
import t from 'tap'
import { startReceiver } from '../core/outbox/receiver.ts'
import { asList } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { startStack } from '../support/stack.ts'
import { customer, im, succeeding } from './im.ts'

t.setTimeout(240_000)

t.test('im lists webhooks that were given up, and replays them', async (t) => {
  const stack = await startStack(t, { database: 'postgres', coreEnv: { ALLOW_PRIVATE_UPSTREAMS: 'true' } })
  let isMended = false
  const receiver = await startReceiver(t, () => ({ status: isMended ? 200 : 503 }))
  const texts = () => receiver.received.map(({ text }) => text).join('\n')
  const run = succeeding(t, customer(stack))
  t.same(await run('webhooks dead-letters'), [])

  await stack.platform.ok('PUT', '/admin/app/settings', { webhookUrl: receiver.url })
  const ann = await stack.createUser('ann')
  await ann.api.ok('POST', '/rooms/createAndJoin', { _id: 'r', roomType: 'group' })
  for (const message of ['one', 'two', 'three']) await ann.api.ok('POST', '/rooms/r/message', { message })
  const db = new pg.Client({ connectionString: stack.postgres?.url })
  await db.connect()
  const letters = async () => asList(await run('webhooks dead-letters'))
  await eventually(
    'all are given up',
    async () => {
      // Again and again: the relay may still be on its way to the last of them.
      await db.query("UPDATE webhook_deliveries SET expires_at = now() - interval '1 day'")
      await db.query('UPDATE webhook_queues SET next_at = now()')
      return (await letters()).length >= 3
    },
    30_000,
  )
  await db.end()

  const shown = await im(['webhooks', 'dead-letters', '--limit', '1'], { env: customer(stack) })
  t.match(shown.stdout, /^ID +EVENT +ROOM +TRIES +REASON +GIVEN UP\n.*MESSAGE +r +\d+ +status-503 /)
  isMended = true
  receiver.received.length = 0
  const [last] = await letters()
  t.match(await run(`webhooks replay ${last?.id}`), { n: 1 })
  await eventually('it has come', () => texts().includes('three'), 30_000)
  t.notMatch(texts(), '"one"')
  await run('webhooks replay --all')
  await eventually('the others, too', () => texts().includes('one') && texts().includes('two'), 30_000)
  await eventually('none is left', async () => (await letters()).length === 0, 30_000)
  t.match(await run('webhooks replay --all'), { n: 0 })
  t.match(await im(['webhooks', 'replay', '17'], { env: customer(stack) }), {
    code: 1,
    stderr: /^im: .*There is no such dead letter/,
  })
})
