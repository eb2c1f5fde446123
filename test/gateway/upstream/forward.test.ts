import t from 'tap'
import { ownLine, ownName } from '../../../gateway/headers/field-lines.ts'
import { openRaw, requestText, sendRaw } from '../../support/raw-http.ts'
import { ok, type Scope, startCore, startFront, startPool } from './stand-ins.ts'

async function start(
  t: Scope,
  serve?: Parameters<typeof startCore>[1],
  adapt?: Parameters<typeof startFront>[2],
) {
  const core = await startCore(t, serve)
  const pool = await startPool(t, [core.url])
  return { core, pool, front: await startFront(t, pool, adapt) }
}

t.test('a request arrives with its own line, our Host and the given fields, and nothing else', async (t) => {
  const { core, front } = await start(t)
  const answer = await sendRaw(front.port, requestText('GET /rooms?limit=2 HTTP/1.1', ['X-Client: 1']))
  t.equal(answer.status, 200)
  t.equal(answer.text(), 'fine')
  t.equal(
    core.requests[0]?.head,
    'GET /rooms?limit=2 HTTP/1.1\r\nHost: front.test\r\nIM-Identity: signed\r\n\r\n',
  )
  t.match(await front.result(), { status: 200, error: undefined, isAborted: false, isRetried: false })
})

t.test('fields between neighbours are never taken from the list, whatever it holds', async (t) => {
  const given = { Expect: '100-continue', TE: 'gzip', Connection: 'x', 'CONTENT-LENGTH': '5', A: 'b' }
  const fields = Object.entries(given).map(([name, value]) => ownLine(ownName(name), value))
  const { core, front } = await start(t, undefined, { head: { fields } })
  await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.equal(core.requests[0]?.head, 'GET / HTTP/1.1\r\nHost: front.test\r\nA: b\r\n\r\n')
})

t.test('a request line that would break out of its line is not sent', async (t) => {
  for (const head of [
    { method: 'GET /\r\nA:' },
    { target: '/\r\nA: b' },
    { host: 'a\r\nA: b' },
    { target: '/\u010d\u010aA' },
  ]) {
    const { core, front } = await start(t, undefined, { head })
    await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    t.strictSame(front.failures, ['INTERNAL'])
    t.equal(core.requests.length, 0)
  }
})

t.test('framing is rebuilt from what was parsed', async (t) => {
  const { core, front } = await start(t)
  const sent = async (line: string, fields: string[] = [], body = '') => {
    await sendRaw(front.port, requestText(`${line} / HTTP/1.1`, fields, body))
    return core.requests.at(-1)!
  }
  t.notMatch((await sent('GET')).head, /content-length|transfer-encoding/i)
  t.notMatch((await sent('DELETE')).head, /content-length|transfer-encoding/i)
  t.notMatch((await sent('GET', ['Content-Length: 0'])).head, /content-length|transfer-encoding/i)
  for (const method of ['POST', 'PUT', 'PATCH'])
    t.match((await sent(method, ['Content-Length: 0'])).head, /\r\nContent-Length: 0\r\n/)
  const padded = await sent('POST', ['Content-Length: 005'], 'hello')
  t.match(padded.head, /\r\nContent-Length: 5\r\n/)
  t.equal(padded.body().toString(), 'hello')
})

t.test('a small body goes with its head in one write', async (t) => {
  let first = 0
  const core = await startCore(t, ({ socket, body, answer }) => {
    first = body().length
    answer(ok())
    socket.end()
  })
  const front = await startFront(t, await startPool(t, [core.url]))
  await sendRaw(front.port, requestText('POST / HTTP/1.1', ['Content-Length: 1000'], 'x'.repeat(1_000)))
  t.equal(first, 1_000)
})

t.test('a chunked body is sent on in chunks of our own, without trailers', async (t) => {
  const { core, front } = await start(t, ({ answer, body, socket }) => {
    const answerAtEnd = (): void => {
      if (body().toString('latin1').endsWith('0\r\n\r\n')) answer(ok())
    }
    socket.on('data', answerAtEnd)
    answerAtEnd()
  })
  const client = await openRaw(front.port)
  t.teardown(client.destroy)
  client.write(requestText('POST / HTTP/1.1', ['Transfer-Encoding: chunked']))
  client.write('5;ext=1\r\nhello\r\n0\r\nIM-Identity: forged\r\n\r\n')
  t.equal((await client.response()).text(), 'fine')
  t.equal(core.requests[0]?.body().toString(), '5\r\nhello\r\n0\r\n\r\n')
  t.match(core.requests[0]?.head, /\r\nTransfer-Encoding: chunked\r\n/)
})

t.test("a body given by the caller replaces the client's", async (t) => {
  const { core, front } = await start(t, undefined, {
    head: { body: Buffer.from('réécrit').toString('latin1') },
  })
  await sendRaw(front.port, requestText('POST / HTTP/1.1'))
  t.equal(core.requests[0]?.body().toString(), 'réécrit')
  t.match(core.requests[0]?.head, /\r\nContent-Length: 9\r\n/)
})

t.test('an answer arrives with its status, reason and fields, and ours', async (t) => {
  const { front } = await start(t, ({ answer }) =>
    answer(
      'HTTP/1.1 418 Short and stout\r\nX-A: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 3\r\n\r\ntea',
    ),
  )
  const answer = await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.equal(answer.status, 418)
  t.equal(answer.reason, 'Short and stout')
  t.equal(answer.text(), 'tea')
  const cookies = answer.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value)
  t.strictSame(cookies, ['a', 'b'])
  t.equal(answer.header('x-a'), '1')
  t.equal(answer.header('access-control-allow-origin'), '*')
})

t.test('bytes of a body pass as they are, in every framing', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')
  const framings = {
    fixed: ok(bytes),
    chunked: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n${bytes}\r\n0\r\n\r\n`,
    'until the end': `HTTP/1.1 200 OK\r\n\r\n${bytes}`,
  }
  for (const [framing, text] of Object.entries(framings)) {
    const { front } = await start(t, ({ answer, socket }) => {
      answer(text)
      if (framing === 'until the end') socket.end()
    })
    const answer = await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    t.equal(answer.body.toString('latin1'), bytes, framing)
  }
})

t.test('an HTTP/1.0 client gets a chunked answer without chunks', async (t) => {
  const { front } = await start(t, ({ answer }) =>
    answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
  )
  const client = await openRaw(front.port)
  client.write('GET / HTTP/1.0\r\n\r\n')
  t.match((await client.closed).toString(), /\r\n\r\nhello$/)
})

t.test('an answer without body has none, and keeps the length that it states', async (t) => {
  const { front } = await start(t, ({ head, answer }) => {
    if (head.startsWith('HEAD')) answer('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n')
    else if (head.includes('/304'))
      answer('HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "a"\r\n\r\n')
    else answer('HTTP/1.1 204 No Content\r\n\r\n')
  })
  const client = await openRaw(front.port)
  t.teardown(client.destroy)
  client.write(requestText('HEAD / HTTP/1.1'))
  t.equal((await client.response({ toHead: true })).header('content-length'), '1234')
  client.write(requestText('GET /304 HTTP/1.1'))
  t.equal((await client.response()).header('etag'), '"a"')
  client.write(requestText('GET /204 HTTP/1.1'))
  const empty = await client.response()
  t.equal(empty.status, 204)
  t.equal(empty.header('content-length'), undefined)
  t.equal(empty.header('transfer-encoding'), undefined)
})

t.test('interim answers stay between core and gateway', async (t) => {
  const { front } = await start(t, ({ answer }) =>
    answer(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${ok()}`),
  )
  const client = await openRaw(front.port)
  t.teardown(client.destroy)
  client.write(requestText('GET / HTTP/1.1'))
  t.equal((await client.response()).status, 200)
  t.notMatch(client.received().toString(), /Early Hints|Link/)
})

t.test('connections are kept and used again, one exchange after the other', async (t) => {
  const { core, front } = await start(t)
  for (let i = 0; i < 5; i++) await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.equal(core.requests.length, 5)
  t.equal(core.connections, 1)
})

for (const [what, text] of [
  ['says close', ok('x', 'Connection: close\r\n')],
  ['says so in a list', ok('x', 'Connection: foo, Close\r\n')],
  ['speaks HTTP/1.0', ok('x').replace('1.1', '1.0')],
] as const)
  t.test(`a connection is not used again where the core ${what}`, async (t) => {
    const { core, front } = await start(t, ({ answer }) => answer(text))
    await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    await sendRaw(front.port, requestText('GET / HTTP/1.1'))
    t.equal(core.connections, 2)
  })

for (const [framing, rest] of [
  ['whole', 'Content-Length: 5\r\n\r\nhello'],
  ['chunked', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
] as const)
  t.test(
    `an answer that changed credentials waits until the gateway has followed (${framing})`,
    async (t) => {
      const asked = Promise.withResolvers<number>()
      const followed = Promise.withResolvers<void>()
      const holdFor = (position: number): Promise<void> => {
        asked.resolve(position)
        return followed.promise
      }
      const answer = `HTTP/1.1 200 OK\r\nIM-Credential-Position: 42\r\n${rest}`
      const { front } = await start(t, (request) => request.answer(answer), { hooks: { holdFor } })
      const client = await openRaw(front.port)
      t.teardown(client.destroy)
      client.write(requestText('POST /token HTTP/1.1', ['Content-Length: 0']))
      t.equal(await asked.promise, 42)
      const other = await start(t)
      await sendRaw(other.front.port, requestText('GET / HTTP/1.1'))
      t.equal(client.received().length, 0, 'another exchange later nothing has been let through')
      followed.resolve()
      const held = await client.response()
      t.equal(held.text(), 'hello')
      t.equal(held.header('im-credential-position'), undefined)
    },
  )

t.test('where following fails the answer goes out all the same: the change is made', async (t) => {
  const { front } = await start(t, ({ answer }) => answer(ok('x', 'IM-Credential-Position: 1\r\n')), {
    hooks: { holdFor: () => Promise.reject(new Error('feed')) },
  })
  t.equal((await sendRaw(front.port, requestText('GET / HTTP/1.1'))).text(), 'x')
})

t.test('a body larger than is accepted is refused, with or without a length', async (t) => {
  const { core, front } = await start(t, () => undefined, { maxBodyBytes: 20_000 })
  await sendRaw(front.port, requestText('POST / HTTP/1.1', ['Content-Length: 20001'], 'x'.repeat(20_001)))
  t.equal(core.requests.length, 0)
  const client = await openRaw(front.port)
  t.teardown(client.destroy)
  client.write(requestText('POST / HTTP/1.1', ['Transfer-Encoding: chunked']))
  const chunk = `2710\r\n${'x'.repeat(10_000)}\r\n`
  client.write(chunk + chunk + chunk)
  t.equal((await client.response()).header('connection'), 'close')
  t.strictSame(front.failures, ['PAYLOAD_TOO_LARGE', 'PAYLOAD_TOO_LARGE'])
})
