import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../../support/free-port.ts'
import { openRaw, requestText, sendRaw } from '../../support/raw-http.ts'
import { type CoreRequest, ok, type Scope, startCore, startFront, startPool } from './stand-ins.ts'

/** Answers the first request, so that there is a connection to use again; `then` takes the others. */
async function startUsed(t: Scope, then: (request: CoreRequest) => void) {
  const core = await startCore(t, (request) => (request.nth === 0 ? request.answer(ok()) : then(request)))
  const pool = await startPool(t, [core.url])
  const front = await startFront(t, pool)
  await sendRaw(front.port, requestText('GET /first HTTP/1.1'))
  await front.result()
  return { core, pool, front }
}

const closeOnce = (request: CoreRequest): void => {
  if (request.nth === 1) request.socket.destroy()
  else request.answer(ok('again'))
}

for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
  t.test(
    `${method} is repeated once, on a new connection, where a used one is closed in its face`,
    async (t) => {
      const { core, front } = await startUsed(t, closeOnce)
      const client = await openRaw(front.port)
      t.teardown(client.destroy)
      client.write(requestText(`${method} /second HTTP/1.1`))
      t.equal((await client.response({ toHead: method === 'HEAD' })).status, 200)
      t.equal(core.requests.length, 3)
      t.equal(core.connections, 2)
      t.match(await front.result(), { status: 200, isRetried: true })
    },
  )

for (const method of ['POST', 'PATCH'])
  t.test(`${method} is never repeated`, async (t) => {
    const { core, front } = await startUsed(t, closeOnce)
    await sendRaw(front.port, requestText(`${method} /second HTTP/1.1`, ['Content-Length: 0']))
    t.strictSame(front.failures, ['BAD_UPSTREAM'])
    t.equal(core.requests.length, 2)
  })

t.test('a request with a body is never repeated', async (t) => {
  const { core, front } = await startUsed(t, closeOnce)
  await sendRaw(front.port, requestText('PUT /second HTTP/1.1', ['Content-Length: 5'], 'hello'))
  t.strictSame(front.failures, ['BAD_UPSTREAM'])
  t.equal(core.requests.length, 2)
})

t.test('a request is repeated once and not twice', async (t) => {
  const { core, front } = await startUsed(t, ({ socket }) => socket.destroy())
  await sendRaw(front.port, requestText('GET /second HTTP/1.1'))
  t.strictSame(front.failures, ['BAD_UPSTREAM'])
  t.equal(core.requests.length, 3)
})

t.test('what a new connection did not answer is not repeated', async (t) => {
  const core = await startCore(t, ({ socket }) => socket.destroy())
  const front = await startFront(t, await startPool(t, [core.url]))
  await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.strictSame(front.failures, ['BAD_UPSTREAM'])
  t.equal(core.requests.length, 1)
})

t.test('nothing is repeated once a byte of the answer has come', async (t) => {
  const { core, front } = await startUsed(t, ({ socket }) => socket.end('H'))
  await sendRaw(front.port, requestText('GET /second HTTP/1.1'))
  t.strictSame(front.failures, ['BAD_UPSTREAM'])
  t.equal(core.requests.length, 2)
})

t.test('a reset before the answer counts as a close', async (t) => {
  const { front } = await startUsed(t, (request) => {
    if (request.nth === 1) request.socket.resetAndDestroy()
    else request.answer(ok('again'))
  })
  t.equal((await sendRaw(front.port, requestText('GET /second HTTP/1.1'))).text(), 'again')
})

t.test('where nothing listens the answer is NO_UPSTREAM, after one more attempt', async (t) => {
  const pool = await startPool(t, [`http://127.0.0.1:${await freePort()}`])
  const front = await startFront(t, pool)
  await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.match(await front.result(), { status: 503, error: 'NO_UPSTREAM', isRetried: true })
  await sendRaw(front.port, requestText('POST / HTTP/1.1', ['Content-Length: 0']))
  t.match(await front.result(), { status: 503, error: 'NO_UPSTREAM', isRetried: false })
})

t.test('where one address refuses, the repetition goes to another', async (t) => {
  const core = await startCore(t)
  core.readiness = 'silent'
  const pool = await startPool(t, [core.url, `http://127.0.0.1:${await freePort()}`])
  const front = await startFront(t, pool)
  t.equal((await sendRaw(front.port, requestText('GET / HTTP/1.1'))).status, 200)
  t.match(await front.result(), { isRetried: true })
})

t.test('a core that does not answer in time is UPSTREAM_TIMEOUT, and not asked again', async (t) => {
  const core = await startCore(t, () => undefined)
  const front = await startFront(t, await startPool(t, [core.url], { headTimeoutMs: 60 }))
  await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.match(await front.result(), { status: 504, error: 'UPSTREAM_TIMEOUT', isRetried: false })
  t.equal(core.requests.length, 1)
})

t.test('an answer that nobody asked for ends its connection, and is nobody’s', async (t) => {
  const { core, front } = await startUsed(t, (request) => request.answer(ok('right')))
  const [first] = core.requests
  const closed = new Promise<string>((resolve) => first?.socket.once('close', () => resolve('closed')))
  first?.answer(ok('poison'))
  // Long before the connection would have been idle for too long.
  t.equal(await Promise.race([closed, delay(2_000, 'kept')]), 'closed')
  t.equal((await sendRaw(front.port, requestText('GET /second HTTP/1.1'))).text(), 'right')
  t.not(core.requests[1]?.socket, first?.socket)
})
