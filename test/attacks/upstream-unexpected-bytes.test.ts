/**
 * A response too many. What a core (or whoever speaks in its place) sends beyond the answer to the one request
 * under way would, on a connection that is used again, become the answer to the next client's request: one
 * user reads what was meant for another. So a byte that belongs to no exchange ends the connection.
 */
import { once } from 'node:events'
import t from 'tap'
import { ok, startCore, startFront, startPool, until } from '../gateway/upstream/stand-ins.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const get = (port: number) => sendRaw(port, requestText('GET / HTTP/1.1'))

for (const [what, extra] of Object.entries({
  'a second response': ok('FORGED'),
  'one byte': 'H',
  'an empty line': '\r\n',
  'an interim response': 'HTTP/1.1 100 Continue\r\n\r\n',
}))
  for (const [framing, answer] of Object.entries({
    'of known length': ok('mine'),
    chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n0\r\n\r\n',
    'without a body': 'HTTP/1.1 204 No Content\r\n\r\n',
  }))
    t.test(`${what} right behind a response ${framing}`, async (t) => {
      const core = await startCore(t, (request) =>
        request.answer(request.nth === 0 ? answer + extra : ok('next')),
      )
      const front = await startFront(t, await startPool(t, [core.url]))
      t.match((await get(front.port)).text(), /^(?:mine)?$/)
      t.equal((await get(front.port)).text(), 'next')
      t.equal(core.connections, 2)
    })

t.test('a response that comes while nobody has asked', async (t) => {
  const core = await startCore(t, ({ nth, answer }) => answer(ok(`answer ${nth}`)))
  const pool = await startPool(t, [core.url])
  const front = await startFront(t, pool)
  t.equal((await get(front.port)).text(), 'answer 0')
  const { socket } = core.requests[0]!
  const closed = once(socket, 'close')
  socket.write(ok('FORGED'))
  await closed
  await until(() => pool.states()[0]?.connections === 0)
  t.equal((await get(front.port)).text(), 'answer 1')
  t.equal(core.connections, 2)
})

t.test('a body for an answer that has none', async (t) => {
  for (const answer of [
    'HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nFORGED',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nFORGED',
  ]) {
    const core = await startCore(t, (request) => request.answer(request.nth === 0 ? answer : ok('next')))
    const front = await startFront(t, await startPool(t, [core.url]))
    t.equal((await get(front.port)).body.length, 0)
    t.equal((await get(front.port)).text(), 'next')
    t.equal(core.connections, 2)
  }
})

t.test('a 101 that nobody asked for', async (t) => {
  const core = await startCore(t, ({ answer }) =>
    answer(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n${ok('FORGED')}`,
    ),
  )
  const front = await startFront(t, await startPool(t, [core.url]))
  t.equal((await get(front.port)).text(), 'BAD_UPSTREAM')
})
