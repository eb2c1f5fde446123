/** A kilobyte that unpacks into a gigabyte, sent through the gateway, which lets it pass, to the core. */
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { startStack } from '../support/stack.ts'

t.test('the core does not inflate either', async (t) => {
  const stack = await startStack(t)
  const { api } = await stack.createUser('zipper')
  const room = await api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: 'zip' })
  const message = gzipSync(JSON.stringify({ messageType: 'text', message: 'x'.repeat(5_000_000) }))
  for (const encoding of ['gzip', 'deflate', 'br', 'x-gzip', 'gzip, gzip']) {
    const answer = await api.call('POST', `/rooms/${room._id}/message`, undefined, {
      rawBody: message,
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': encoding },
    })
    t.ok(answer.status === 400 || answer.status === 415, `${encoding}: ${answer.status}`)
  }
  t.match(await api.ok('GET', '/me'), { _id: 'zipper' })
})
