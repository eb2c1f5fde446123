/**
 * Response splitting. Where gateway and core (or a proxy between them) disagree on where a response ends, the
 * rest of it becomes a response of its own. Every response that could be read in two ways is refused whole:
 * 502, nothing of it is relayed, and its connection is never used again.
 */
import { once } from 'node:events'
import t from 'tap'
import { ok, startCore, startFront, startPool } from '../gateway/upstream/stand-ins.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const AMBIGUOUS: Record<string, string> = {
  'length and chunked': 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'Content-Length: 0\r\nContent-Length: 6\r\n\r\nFORGED',
  'two lengths in one field': 'Content-Length: 0, 6\r\n\r\nFORGED',
  'a length with a sign': 'Content-Length: +0\r\n\r\n',
  'a coding before chunked': 'Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n',
  'a coding that looks like chunked': 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'a vertical tab before chunked': 'Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n',
  'a blank before the colon': 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
  'a folded coding': 'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
  'a bare LF between fields': 'A: b\nContent-Length: 0\r\n\r\n',
  'a bare CR between fields': 'A: b\rContent-Length: 0\r\n\r\n',
}

for (const [what, rest] of Object.entries(AMBIGUOUS))
  t.test(`a response with ${what} is refused whole`, async (t) => {
    const core = await startCore(t, ({ nth, answer }) =>
      answer(nth === 0 ? `HTTP/1.1 200 OK\r\n${rest}` : ok('next')),
    )
    const front = await startFront(t, await startPool(t, [core.url]))
    const answer = await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    t.equal(answer.status, 500, 'the answer of the gateway, and no field of the core')
    t.strictSame(front.failures, ['BAD_UPSTREAM'])
    const { socket } = core.requests[0]!
    if (!socket.destroyed) await once(socket, 'close')
    t.equal((await sendRaw(front.port, requestText('GET / HTTP/1.1'))).text(), 'next')
    t.equal(core.connections, 2)
  })

t.test('a chunk that breaks the grammar ends the answer before its end', async (t) => {
  const core = await startCore(t, ({ answer }) =>
    answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n 0\r\n\r\n'),
  )
  const front = await startFront(t, await startPool(t, [core.url]))
  await t.rejects(sendRaw(front.port, requestText('GET / HTTP/1.1')))
  t.match(await front.result(), { error: 'BAD_UPSTREAM' })
})

t.test('garbage is refused at once', async (t) => {
  for (const garbage of ['SSH-2.0-x\r\n', '\0\0\0\0\0\0\0\0\0\0', '<html>']) {
    const core = await startCore(t, ({ answer }) => answer(garbage))
    const front = await startFront(t, await startPool(t, [core.url]))
    await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    t.strictSame(front.failures, ['BAD_UPSTREAM'])
  }
})
