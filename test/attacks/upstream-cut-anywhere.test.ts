/**
 * A core that dies at any byte of its answer. The client must get the whole answer, an error, or a connection
 * that is visibly cut: never a shorter answer that looks whole, and never another's.
 */
import t from 'tap'
import { ok, startCore, startFront, startPool } from '../gateway/upstream/stand-ins.ts'
import { openRaw, requestText, sendRaw } from '../support/raw-http.ts'

const ANSWERS = {
  fixed: ok('hello', 'X-A: b\r\n'),
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
}

for (const [framing, answer] of Object.entries(ANSWERS))
  for (const how of ['destroy', 'resetAndDestroy'] as const)
    t.test(`${framing}, ${how} after every number of bytes`, async (t) => {
      let cut = 0
      const core = await startCore(t, ({ socket }) => {
        socket.write(answer.slice(0, cut), 'latin1', () => {
          if (how === 'destroy') socket.end()
          else socket.resetAndDestroy()
        })
      })
      const front = await startFront(t, await startPool(t, [core.url]))
      for (cut = 0; cut < answer.length; cut++) {
        const client = await openRaw(front.port)
        client.write(requestText('POST / HTTP/1.1', ['Content-Length: 0']))
        const outcome = await client.response().then(
          ({ status, text }) => `${status} ${text()}`,
          () => 'cut',
        )
        t.match(outcome, /^(?:500 BAD_UPSTREAM|cut)$/, `after ${cut} bytes`)
        client.destroy()
      }
      t.equal(core.requests.length, answer.length, 'nothing was sent twice')
    })

t.test('byte by byte a whole answer is a whole answer', async (t) => {
  for (const answer of Object.values(ANSWERS)) {
    const core = await startCore(t, async ({ socket }) => {
      socket.setNoDelay(true)
      for (const byte of answer) {
        socket.write(byte)
        await new Promise(setImmediate)
      }
    })
    const front = await startFront(t, await startPool(t, [core.url]))
    t.equal((await sendRaw(front.port, requestText('GET / HTTP/1.1'))).text(), 'hello')
  }
})
