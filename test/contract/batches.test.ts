import t, { type Test } from 'tap'
import { createBatchRunner } from '../../core/batches/batch-runner.ts'
import { type ApiClient, asList, asObject, type Json } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { type ContractServer, groupOf, onEachDatabase } from './server.ts'

function run(t: Test, server: ContractServer): void {
  const runner = createBatchRunner(server.chat, { pollMs: 20 })
  t.teardown(() => runner.close())
}

async function sent(platform: ApiClient, batchId: unknown, count: number): Promise<Json[]> {
  let messages: Json[] = []
  await eventually('the batch is sent', async () => {
    messages = asList(await platform.ok('GET', `/messages/batch?batchID=${batchId}`))
    return messages.length === count
  })
  return messages
}

onEachDatabase(t, async (t, server) => {
  t.test('a batch goes to rooms and to people, each with its own words', async (t) => {
    run(t, server)
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const platform = app.platform()
    app.takeEvents()
    const answer = await platform.ok('POST', '/messages/batch', {
      sender: 'shop',
      messageType: 'text',
      message: 'Dear $name$, you owe $sum$. $unknown$ $name$',
      extra: { note: ['for $name$'], n: 1 },
      push: false,
      zebra: '$name$',
      paras: [
        { room, receiver: 'cem', $name$: 'all', $sum$: 7 },
        { receiver: 'bob', $name$: 'Bob', $sum$: '$name$' },
      ],
    })
    t.equal(answer.count, 2)
    const [first, second] = await sent(platform, answer.batchID, 2)
    t.match(first, {
      room,
      sender: { _id: 'shop' },
      message: 'Dear all, you owe 7. $unknown$ all',
      extra: { note: ['for all'], n: 1 },
      zebra: '$name$',
      batchID: answer.batchID,
      paras: undefined,
    })
    t.match(second, { message: 'Dear Bob, you owe $name$. $unknown$ Bob', sender: { _id: 'shop' } })
    const direct = await app.user('bob').ok('GET', `/rooms/${second?.room}`)
    t.equal(direct.roomType, 'direct')
    t.same(
      asList(direct.members)
        .map((member) => member._id)
        .sort(),
      ['bob', 'shop'],
    )
    t.equal(app.takeEvents().filter((event) => event.type === 'message-posted').length, 2)
  })

  t.test('a client sends to the rooms it is in and to people, and always as itself', async (t) => {
    run(t, server)
    const app = await server.newApp()
    const mine = await groupOf(app, 'ann', 'bob')
    const theirs = await groupOf(app, 'cem')
    const { batchID } = await app.user('ann').ok('POST', '/messages/batch', {
      sender: 'cem',
      message: 'hi',
      messageType: 'text',
      paras: [{ room: theirs }, { room: mine }, { room: 'no-such-room' }, { receiver: 'dan' }],
    })
    const messages = await sent(app.platform(), batchID, 2)
    t.same(
      messages.map((message) => asObject(message.sender)._id),
      ['ann', 'ann'],
    )
    t.equal(messages[0]?.room, mine)
    t.equal(asList(await app.user('cem').ok('GET', `/rooms/${theirs}/messages/v3`)).length, 0)
    t.match(await app.user('ann').call('GET', `/messages/batch?batchID=${batchID}`), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    const other = await server.newApp()
    t.match(await other.platform().call('GET', `/messages/batch?batchID=${batchID}`), {
      status: 404,
      code: 'NOT_FOUND',
    })
  })

  t.test('a batch that was taken on is sent after a restart, each part once', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const { batchID } = await app.platform().ok('POST', '/messages/batch', {
      sender: 'shop',
      message: '$n$',
      paras: Array.from({ length: 120 }, (_, n) => ({ room, $n$: n })),
    })
    const before = createBatchRunner(server.chat, { pollMs: 5 })
    await eventually(
      'the batch is sent',
      async () => Number((await app.platform().ok('GET', `/messages/batch?batchID=${batchID}`)).count) > 0,
    )
    await before.close()
    // As if its process had died before it had written down what it sent.
    await server.chat.db.query(
      '',
      `UPDATE message_batch_parts SET message_id = NULL, room_id = NULL WHERE app = $1 AND batch_id = $2`,
      [app.app, batchID],
    )
    await server.chat.db.query('', 'UPDATE message_batches SET next_at = now() WHERE app = $1', [app.app])
    run(t, server)
    const messages = await sent(app.platform(), batchID, 120)
    t.same(
      messages.map((message) => message.message),
      Array.from({ length: 120 }, (_, n) => `${n}`),
    )
    t.equal((await app.user('ann').ok('GET', `/rooms/${room}/messages/v3`)).totalCount, 120)
  })

  t.test('what cannot be a batch is refused before anything is sent', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    const refused: [Json, string][] = [
      [{ message: 'x' }, 'INVALID_REQUEST'],
      [{ message: 'x', paras: [] }, 'INVALID_REQUEST'],
      [{ message: 'x', paras: [{}] }, 'INVALID_REQUEST'],
      [{ message: 'x', paras: ['r'] }, 'INVALID_REQUEST'],
      [{ message: 'x', paras: [{ room: 7 }] }, 'INVALID_REQUEST'],
      [{ message: 'x', paras: Array.from({ length: 5_001 }, () => ({ room: 'r' })) }, 'INVALID_REQUEST'],
      [{ paras: [{ room: 'r' }] }, 'INVALID_MESSAGE_FORMAT'],
      [{ messageType: 'recall', paras: [{ room: 'r' }] }, 'INVALID_MESSAGE_FORMAT'],
      [{ message: 'x', paras: [{ receiver: 'bob' }] }, 'MISSING_PARAMETER'],
    ]
    for (const [body, code] of refused)
      t.match(await platform.call('POST', '/messages/batch', body), { status: 400, code }, code)
    t.match(
      await app
        .user('ann')
        .call('POST', '/messages/batch', { messageType: 'addMembers', paras: [{ room: 'r' }] }),
      {
        status: 400,
        code: 'INVALID_MESSAGE_FORMAT',
      },
    )
    t.match(await platform.call('GET', '/messages/batch'), { status: 400, code: 'MISSING_PARAMETER' })
  })
})
