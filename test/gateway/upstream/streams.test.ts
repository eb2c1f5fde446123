import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { connect, Socket } from 'node:net'
import { type Duplex, PassThrough } from 'node:stream'
import t from 'tap'
import { createForward } from '../../../gateway/upstream/forward.ts'
import type { ForwardResult } from '../../../gateway/upstream/forward-contract.ts'
import { openRaw, requestText } from '../../support/raw-http.ts'
import { type CoreRequest, ok, type Scope, startCore, startFront, startPool, until } from './stand-ins.ts'

const BIG = 64 * 1_048_576
const PIECE = Buffer.alloc(65_536, 'x')

async function start(t: Scope, serve: (request: CoreRequest) => void, settings = {}) {
  const core = await startCore(t, serve)
  const pool = await startPool(t, [core.url], settings)
  return { core, pool, front: await startFront(t, pool) }
}

/** Writes until the socket takes no more for good, or all is written. @returns how much was written */
async function writeUntilStuck(
  write: (piece: Buffer) => boolean,
  drained: () => Promise<unknown>,
): Promise<number> {
  let written = 0
  while (written < BIG) {
    written += PIECE.length
    if (write(PIECE)) continue
    const stuck = new Promise((resolve) => setTimeout(resolve, 300, 'stuck'))
    if ((await Promise.race([drained(), stuck])) === 'stuck') return written
  }
  return written
}

t.test('a client that does not read pauses the core', async (t) => {
  const written = Promise.withResolvers<number>()
  const { core, front } = await start(t, async ({ socket, answer }) => {
    answer(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`)
    written.resolve(
      await writeUntilStuck(
        (piece) => socket.write(piece),
        () => once(socket, 'drain'),
      ),
    )
  })
  const client = connect(front.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  client.pause()
  client.write(requestText('GET / HTTP/1.1'))
  t.ok((await written.promise) < BIG / 2, 'the core was stopped long before the end')
  // And goes on once the client reads.
  let received = 0
  client.on('data', (chunk) => {
    received += chunk.length
  })
  client.resume()
  const { socket } = core.requests[0]!
  const before = received
  await once(socket, 'drain')
  await until(() => received > before + 1_048_576)
})

t.test('a core that does not read pauses the client', async (t) => {
  const { core, front } = await start(t, ({ socket }) => socket.pause())
  const client = connect(front.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  client.write(requestText('POST / HTTP/1.1', [`Content-Length: ${BIG}`]))
  const written = await writeUntilStuck(
    (piece) => client.write(piece),
    () => once(client, 'drain'),
  )
  t.ok(written < BIG / 2, 'the client was stopped long before the end')
  core.requests[0]!.socket.resume()
  await once(client, 'drain')
})

t.test('a big body passes whole both ways', async (t) => {
  const size = 3 * 1_048_576 + 7
  const bytes = Buffer.alloc(size, 'tuvwxyz').toString('latin1')
  for (const isChunked of [false, true]) {
    const { core, front } = await start(t, ({ socket, body }) => {
      const goal = isChunked ? '\r\n0\r\n\r\n' : 'z'
      const look = (): void => {
        if (body().length < size || !body().subarray(-7).toString('latin1').endsWith(goal)) return
        socket.off('data', look)
        socket.write(ok(bytes), 'latin1')
      }
      socket.on('data', look)
      look()
    })
    const client = await openRaw(front.port)
    t.teardown(client.destroy)
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`
    client.write(requestText('POST / HTTP/1.1', [framing]))
    const tail = `${bytes.slice(0, size - 1)}z`
    client.write(isChunked ? `${size.toString(16)}\r\n${tail}\r\n0\r\n\r\n` : tail)
    const answer = await client.response()
    t.ok(answer.body.equals(Buffer.from(bytes, 'latin1')))
    const received = core.requests[0]!.body().toString('latin1')
    const sent = isChunked ? received.replace(/\r?\n?[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '') : received
    t.equal(sent.replace(/\r\n/g, '').length, size)
  }
})

for (const isChunked of [false, true]) {
  t.test(
    `what a core has not taken yet stays as the client sent it (${isChunked ? 'chunked' : 'length'})`,
    async (t) => {
      const { core, front } = await start(t, ({ socket }) => socket.pause())
      // Each line is another, so that none can stand for another.
      const sent = Array.from({ length: 1_000_000 }, (_, nth) => `${nth}`.padStart(11, '.')).join('\n')
      const client = connect(front.port, '127.0.0.1')
      t.teardown(() => client.destroy())
      client.write(
        requestText('POST / HTTP/1.1', [
          isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${sent.length}`,
        ]),
      )
      client.write(isChunked ? `${sent.length.toString(16)}\r\n${sent}\r\n0\r\n\r\n` : sent)
      const { socket, body } = await core.next()
      await new Promise((resolve) => setTimeout(resolve, 200))
      socket.resume()
      const end = isChunked ? '\r\n0\r\n\r\n' : sent.slice(-11)
      await until(() => body().subarray(-end.length).toString('latin1') === end)
      const received = body().toString('latin1')
      // The sizes of chunks stand between line ends that the text has not.
      const text = isChunked ? `\r\n${received.slice(0, -2)}`.replace(/\r\n[0-9a-f]+\r\n/g, '') : received
      t.ok(text === sent, 'byte by byte')
    },
  )
}

t.test('what a client has not taken yet stays as it came while its core answers another', async (t) => {
  const size = 40_000
  const answers: ServerResponse[] = []
  const core = await startCore(t, async ({ socket, nth }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    // Apart from the head, so that it is relayed and not collected.
    await until(() => answers[nth]?.headersSent === true)
    socket.write(Buffer.alloc(size, nth === 0 ? 'a' : 'b'))
  })
  const forward = createForward(await startPool(t, [core.url]))
  const ask = async () => {
    const { promise, resolve } = Promise.withResolvers<ForwardResult>()
    const req = new IncomingMessage(new Socket())
    const res = new ServerResponse(req)
    answers.push(res)
    const framing = { kind: 'absent' } as const
    const head = { method: 'GET', target: '/', host: 'front.test', fields: [], framing }
    forward(req, res, head, { responseFields: [], fail: (code) => t.fail(code), onDone: resolve })
    t.match(await promise, { status: 200 })
    return res
  }
  // Without a socket an answer keeps all that is written to it.
  const untaken = await ask()
  await ask()
  t.equal(core.connections, 1, 'over the same connection')
  const taken = new PassThrough()
  untaken.assignSocket(Object.assign(taken, { setTimeout() {} }) as Duplex as Socket)
  const text = String(taken.read())
  t.equal(text.slice(text.indexOf('\r\n\r\n') + 4), 'a'.repeat(size))
})

t.test('answers that wait for their clients at once are each its own', async (t) => {
  const texts = Array.from({ length: 3 }, (_, nth) =>
    Array.from({ length: 800_000 }, (_, line) => `${nth}:${line}`.padStart(15, '.')).join('\n'),
  )
  const size = texts[0]!.length
  const { front } = await start(t, ({ nth, answer }) => answer(ok(texts[nth])))
  const received = await Promise.all(
    texts.map(async () => {
      const client = connect(front.port, '127.0.0.1')
      t.teardown(() => client.destroy())
      const chunks: Buffer[] = []
      let bytes = 0
      client.on('data', (chunk) => {
        chunks.push(chunk)
        bytes += chunk.length
      })
      client.pause()
      client.write(requestText('GET / HTTP/1.1'))
      // More than all buffers between hold: each answer stands still half-way.
      setTimeout(() => client.resume(), 500)
      const text = () => {
        const all = Buffer.concat(chunks).toString('latin1')
        return all.slice(all.indexOf('\r\n\r\n') + 4)
      }
      await until(() => bytes > size && text().length === size)
      return text()
    }),
  )
  t.same(received.map((text) => texts.indexOf(text)).toSorted(), [0, 1, 2])
})

t.test('an answer that streams reaches the client piece by piece', async (t) => {
  const { core, front } = await start(t, ({ answer }) =>
    answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
  )
  const client = await openRaw(front.port)
  t.teardown(client.destroy)
  client.write(requestText('GET / HTTP/1.1'))
  const { answer } = await core.next()
  await until(() => client.received().includes('\r\n\r\n'))
  answer('3\r\none\r\n')
  await until(() => client.received().includes('one'))
  answer('3\r\ntwo\r\n0\r\n\r\n')
  t.equal((await client.response()).text(), 'onetwo')
})

for (const [what, text] of [
  ['whole', 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig'],
  ['chunked', 'HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n0\r\n\r\n'],
] as const)
  t.test(`an early answer (${what}) is relayed, and both connections end`, async (t) => {
    const { core, front } = await start(t, ({ answer }) => answer(text))
    const client = await openRaw(front.port)
    t.teardown(client.destroy)
    client.write(requestText('POST / HTTP/1.1', [`Content-Length: ${BIG}`], 'x'.repeat(20_000)))
    await until(() => client.received().includes('big'))
    const socket = core.requests[0]!.socket
    if (!socket.destroyed) await once(socket, 'close')
    const all = (await client.closed).toString()
    t.match(all, /^HTTP\/1\.1 413 Too Large\r\n/)
    t.match(all, /\r\nConnection: close\r\n/)
    t.match(await front.result(), { status: 413, error: undefined })
  })

t.test('an early answer arrives though the core resets the connection right behind it', async (t) => {
  const refusal = `HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig`
  const { front } = await start(t, ({ socket }) => {
    // Closed on bytes that nobody has read, it resets.
    socket.pause()
    socket.end(refusal, () => socket.destroy())
  })
  for (let round = 0; round < 50; round++) {
    const client = await openRaw(front.port)
    const framing = round % 2 === 0 ? `Content-Length: ${BIG}` : 'Transfer-Encoding: chunked'
    client.write(requestText('POST / HTTP/1.1', [framing]))
    for (let sent = 0; sent < 8 * PIECE.length; sent += PIECE.length) {
      client.write(round % 2 === 0 ? PIECE : `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`)
      await new Promise(setImmediate)
    }
    await until(() => client.received().includes('big') || client.isClosed())
    t.match(client.received().toString(), /^HTTP\/1\.1 413 Too Large\r\n/, `round ${round}`)
    client.destroy()
  }
})

t.test('a client that leaves before the answer takes its connection to the core along', async (t) => {
  const { core, front } = await start(t, () => undefined)
  const client = await openRaw(front.port)
  client.write(requestText('GET / HTTP/1.1'))
  const { socket } = await core.next()
  const closed = once(socket, 'close')
  client.destroy()
  await closed
  t.match(await front.result(), { status: 0, isAborted: true })
})

t.test('a client that leaves in the middle of its body takes its connection along', async (t) => {
  const { core, front } = await start(t, () => undefined)
  const client = await openRaw(front.port)
  client.write(requestText('POST / HTTP/1.1', [`Content-Length: ${BIG}`], 'x'.repeat(1_000)))
  const { socket, body } = await core.next()
  await until(() => body().length === 1_000)
  client.destroy()
  await once(socket, 'close')
  t.match(await front.result(), { status: 0, isAborted: true })
  t.equal(body().length, 1_000)
})

t.test('a small body that never arrives whole costs the core nothing', async (t) => {
  const { core, front } = await start(t, ({ answer }) => answer(ok()))
  const client = await openRaw(front.port)
  client.write(requestText('POST / HTTP/1.1', ['Content-Length: 100'], 'x'.repeat(99)))
  client.destroy()
  t.match(await front.result(), { status: 0, isAborted: true })
  t.equal(core.connections, 0)
})

t.test('a client that leaves near the end of an answer leaves a connection that is used again', async (t) => {
  const { core, front, pool } = await start(t, ({ nth, answer }) =>
    answer(nth === 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello' : ok()),
  )
  const client = await openRaw(front.port)
  client.write(requestText('GET / HTTP/1.1'))
  await until(() => client.received().includes('hello'))
  client.destroy()
  t.match(await front.result(), { status: 200, isAborted: true })
  core.requests[0]!.answer('world')
  await until(() => pool.states()[0]?.outstanding === 0)
  const next = await openRaw(front.port)
  t.teardown(next.destroy)
  next.write(requestText('GET / HTTP/1.1'))
  t.equal((await next.response()).text(), 'fine')
  t.equal(core.connections, 1)
})

for (const [how, end] of [
  ['closes', (request: CoreRequest) => request.socket.destroy()],
  ['resets', (request: CoreRequest) => request.socket.resetAndDestroy()],
] as const)
  t.test(`a core that ${how} in the middle of an answer is passed on as a cut connection`, async (t) => {
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const { core, front } = await start(t, ({ answer }) =>
        answer(
          `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`.replace(
            /5\r\n(hello)\r\n/,
            framing[0] === 'C' ? '$1' : '$&',
          ),
        ),
      )
      const client = await openRaw(front.port)
      client.write(requestText('GET / HTTP/1.1'))
      await until(() => client.received().includes('hello'))
      end(core.requests[0]!)
      const all = (await client.closed).toString()
      t.notMatch(all, /\r\n0\r\n\r\n$/)
      t.match(await front.result(), { status: 200, error: 'BAD_UPSTREAM' })
      t.strictSame(front.failures, [], 'no second answer')
    }
  })

t.test('a core that falls silent in its answer is cut off', async (t) => {
  const { front } = await start(
    t,
    ({ answer }) => answer('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    {
      bodyIdleTimeoutMs: 60,
    },
  )
  const client = await openRaw(front.port)
  client.write(requestText('GET / HTTP/1.1'))
  await client.closed
  t.match(await front.result(), { status: 200, error: 'UPSTREAM_TIMEOUT' })
})

t.test('a client that stops sending a long body gives the core its connection back', async (t) => {
  const { core, front } = await start(t, () => undefined, { bodyIdleTimeoutMs: 60 })
  const client = await openRaw(front.port)
  t.teardown(client.destroy)
  client.write(requestText('POST / HTTP/1.1', [`Content-Length: ${BIG}`], 'x'))
  const { socket } = await core.next()
  await once(socket, 'close')
  t.match(await front.result(), { status: 408, error: 'REQUEST_TIMEOUT' })
})

t.test('a client that stops reading is cut off', async (t) => {
  const { front } = await start(
    t,
    ({ socket, answer }) => {
      answer(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`)
      socket.write(Buffer.alloc(BIG))
    },
    { bodyIdleTimeoutMs: 200 },
  )
  const client = connect(front.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  client.on('error', () => undefined)
  client.pause()
  client.write(requestText('GET / HTTP/1.1'))
  t.match(await front.result(), { status: 200, error: 'REQUEST_TIMEOUT' })
})
