/**
 * A core that never comes to an end: heads without end, heads a byte at a time, interim answers for ever.
 * Memory and time are bounded, and the client gets an answer.
 */
import { once } from 'node:events'
import t from 'tap'
import { startCore, startFront, startPool } from '../gateway/upstream/stand-ins.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const ENDLESS: Record<string, { begin: string; more: string }> = {
  'a head of ever more fields': { begin: 'HTTP/1.1 200 OK\r\n', more: 'A: b\r\n'.repeat(100) },
  'a head of one long line': { begin: 'HTTP/1.1 200 OK\r\nA: ', more: 'x'.repeat(1_000) },
  'an endless reason': { begin: 'HTTP/1.1 200 ', more: 'x'.repeat(1_000) },
  'interim answers': { begin: '', more: 'HTTP/1.1 100 Continue\r\n\r\n' },
}

for (const [what, { begin, more }] of Object.entries(ENDLESS))
  t.test(`${what}: refused at a bound`, async (t) => {
    let written = 0
    const core = await startCore(t, async ({ socket }) => {
      socket.write(begin)
      while (!socket.destroyed && written < 10_000_000) {
        written += more.length
        if (!socket.write(more))
          await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => 0)
        await new Promise(setImmediate)
      }
    })
    const front = await startFront(t, await startPool(t, [core.url]))
    await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    t.strictSame(front.failures, ['BAD_UPSTREAM'])
    t.ok(written < 10_000_000)
  })

t.test('a head that trickles in has one deadline, which its bytes do not move', async (t) => {
  const core = await startCore(t, ({ socket }) => {
    const head = `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(10_000)}`
    let sent = 0
    const timer = setInterval(() => socket.write(head[sent++] ?? 'x'), 5)
    socket.on('close', () => clearInterval(timer))
  })
  const front = await startFront(t, await startPool(t, [core.url], { headTimeoutMs: 150 }))
  await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.strictSame(front.failures, ['UPSTREAM_TIMEOUT'])
})

t.test('trailers and extensions without end cut the answer off', async (t) => {
  for (const more of [`0\r\n${'A: b\r\n'.repeat(5_000)}`, `5;${'x'.repeat(5_000)}`]) {
    const core = await startCore(t, ({ answer }) =>
      answer(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n${more}`),
    )
    const front = await startFront(t, await startPool(t, [core.url]))
    await t.rejects(sendRaw(front.port, requestText('GET / HTTP/1.1')))
    t.match(await front.result(), { error: 'BAD_UPSTREAM' })
  }
})
