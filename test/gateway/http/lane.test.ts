import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createLane } from '../../../gateway/http/lane/lane.ts'
import { MAX_BODY_BYTES, parseLaneRequest } from '../../../gateway/http/lane/request.ts'
import type { Scope } from '../../support/child-process.ts'
import { eventually } from '../../support/eventually.ts'
import { GOOD, identityOf, startGateway } from '../../support/gateway.ts'
import { openRaw, requestText } from '../../support/raw-http.ts'
import { answerText, startRecordingUpstream } from '../../support/recording-upstream.ts'

const take = (text: string) => parseLaneRequest(text, { bytesRead: 0 })
const get = (fields: readonly string[] = [], path = '/rooms') => requestText(`GET ${path} HTTP/1.1`, fields)
const post = (body: string, fields: readonly string[] = []) =>
  requestText('POST /rooms/r/message HTTP/1.1', [...fields, `Content-Length: ${body.length}`], body)

t.test('the lane takes whole, plain requests', async (t) => {
  for (const text of [
    get(),
    get(['IM-Authorization: token', 'Accept: */*', 'X_y: 1']),
    get([], '/rooms?q=a%20b&x=/../'),
    requestText('POST /rooms HTTP/1.1'),
    post('{"message":"hello"}'),
    post('x'.repeat(MAX_BODY_BYTES)),
    requestText('DELETE /rooms/r HTTP/1.1', ['Connection: close']),
  ])
    t.ok(take(text), text.slice(0, 100))
})

t.test('and leaves everything else to node:http', async (t) => {
  for (const text of [
    '',
    'GET',
    get().slice(0, -1),
    `${get()}G`,
    get() + get(),
    `\r\n${get()}`,
    requestText('HEAD /rooms HTTP/1.1'),
    requestText('OPTIONS /rooms HTTP/1.1'),
    requestText('GET /rooms HTTP/1.0'),
    requestText('GET http://gateway.test/rooms HTTP/1.1'),
    get([], '/%72ooms'),
    'GET /rooms HTTP/1.1\r\nX: 1\r\n\r\n',
    get(['Host: a', 'Host: a']),
    get(['Transfer-Encoding: chunked']),
    get(['Expect: 100-continue']),
    get(['Upgrade: websocket', 'Connection: Upgrade']),
    get(['Proxy-Connection: close']),
    get(['Connection: close, IM-Authorization']),
    get(['Connection: close', 'Connection: close']),
    get(['Content-Length: 0']),
    post('abc').slice(0, -1),
    `${post('abc')}d`,
    post('x'.repeat(MAX_BODY_BYTES + 1)),
    post('abc', ['Content-Length: 3']),
    post('abc').replace('Length: 3', 'Length: 03'),
    get(['X:1']),
    get(['X:  1']),
    get(['X: 1 ']),
    get(['X: ']),
    get(['X: a\tb']),
    get(['X: \u00e4']),
    get(['X: a\r\n b']),
    get(['X : 1']),
    get().replaceAll('\r\n', '\n'),
    get([`X: ${'x'.repeat(9_000)}`]),
  ])
    t.equal(take(text), undefined, JSON.stringify(text.slice(0, 100)))
})

t.test('a request gets the same answer from the lane as from node:http', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  const answers: Record<string, string> = {
    '/json': answerText(200, { RC: 0 }, ['Date: Sun, 06 Nov 1994 08:49:37 GMT', 'X-Custom: 1']),
    '/chunked': chunked,
    '/until-close': 'HTTP/1.1 200 OK\r\n\r\nabc',
    '/no-content': 'HTTP/1.1 204 No Content\r\n\r\n',
    '/not-modified': 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 5\r\n\r\n',
    '/empty': 'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n',
    '/large': `HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`,
    '/latin': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: \u00e4\r\n\r\n\u00c3\u00a4',
    '/malformed': 'HTTP/9 hello\r\n\r\n',
  }
  upstream.answerWith(({ target, connection }) => {
    if (target === '/until-close') setImmediate(() => connection.end())
    return answers[target] ?? answerText(200, { RC: 0 })
  })
  const lane = await startGateway(t, { upstream, env: { FAST_LANE: 'on' } })
  const node = await startGateway(t, { upstream, env: { FAST_LANE: 'off' } })
  const texts = [
    ...Object.keys(answers).map((path) => get(GOOD, path)),
    get(),
    get(['IM-Authorization: wrong', 'IM-Client-Key: demo_clientkey']),
    get([...GOOD, 'Origin: https://a.example']),
    get([], '//x'),
    get([], '/x/../y'),
    post('{"message":"hello"}', GOOD),
    post('{}', ['IM-API-KEY: demo_apikey']),
    requestText('PUT /x HTTP/1.1', GOOD),
    requestText('DELETE /x HTTP/1.1', [...GOOD, 'Connection: close']),
  ]
  const refused = [get([...GOOD, 'IM-Client-Key: other']), get([...GOOD, 'Content_Length: 3'])]
  for (const text of [...texts, ...refused]) {
    t.equal(take(text) !== undefined, texts.includes(text), `of the lane: ${text.slice(0, 80)}`)
    const [fromLane, fromNode] = await Promise.all(
      [lane, node].map(async ({ publicUrl }) => {
        const connection = await openRaw(publicUrl)
        connection.write(text)
        const { status, reason, body } = await connection.response()
        const head = connection.received().toString('latin1').split('\r\n\r\n')[0] ?? ''
        connection.destroy()
        const fields = head.split('\r\n').slice(1)
        // Whose place differs, and whose value must.
        const own = /^(date|x-request-id): .*/i
        return {
          status,
          reason,
          body: body.toString('latin1'),
          fields: fields.map((field) => field.replace(own, '$1')).sort(),
        }
      }),
    )
    t.same(fromLane, fromNode, text.slice(0, 80))
  }
  const heads = upstream.requests.map(({ head }) => head.replace(/(im-identity|x-request-id): .*/gi, '$1'))
  t.same(new Set(heads).size, heads.length / 2, 'and the core gets the same request')
})

t.test('what begins on the lane goes on with node:http, in order', async (t) => {
  const gateway = await startGateway(t)
  gateway.upstream.answerWith(({ target, body }) => answerText(200, { target, body: body.toString() }))
  const connection = await openRaw(gateway.publicUrl)
  const targetOf = async () => ((await connection.response()).json() as { target: string }).target
  connection.write(get(GOOD, '/first'))
  t.equal(await targetOf(), '/first')
  connection.write(get(GOOD, '/second'))
  t.equal(await targetOf(), '/second', 'the lane again')
  const third = post('hello', GOOD)
  connection.write(third.slice(0, 20))
  await delay(20)
  connection.write(third.slice(20, -3))
  await delay(20)
  connection.write(third.slice(-3))
  t.same((await connection.response()).json(), { target: '/rooms/r/message', body: 'hello' })
  connection.write(get(GOOD, '/fourth') + get(GOOD, '/fifth'))
  t.same([await targetOf(), await targetOf()], ['/fourth', '/fifth'])
  t.equal(identityOf(gateway.upstream.requests.at(-1)!).kind, 'client')
})

t.test('a request behind one whose answer is due waits for it', async (t) => {
  const gateway = await startGateway(t)
  const due = Promise.withResolvers<void>()
  gateway.upstream.answerWith(async ({ target }) => {
    if (target === '/slow') await due.promise
    return answerText(200, { target })
  })
  const connection = await openRaw(gateway.publicUrl)
  connection.write(get(GOOD, '/slow'))
  t.equal((await gateway.upstream.next()).target, '/slow')
  connection.write(get(GOOD, '/next'))
  connection.write(get(GOOD, '/last').slice(0, 30))
  await delay(30)
  connection.write(get(GOOD, '/last').slice(30))
  t.equal(gateway.upstream.requests.length, 1, 'not forwarded yet')
  due.resolve()
  const answers = [await connection.response(), await connection.response(), await connection.response()]
  t.same(
    answers.map((answer) => answer.json()),
    [{ target: '/slow' }, { target: '/next' }, { target: '/last' }],
  )
})

t.test('a client that leaves takes its request back from the core', async (t) => {
  const gateway = await startGateway(t)
  gateway.upstream.answerWith(() => 'hang')
  const connection = await openRaw(gateway.publicUrl)
  connection.write(get(GOOD))
  const request = await gateway.upstream.next()
  connection.destroy()
  await request.connection.closed
  t.match(await gateway.metrics(), /http_requests_total/)
})

t.test('a large answer waits at the core while its client does not read, then arrives whole', async (t) => {
  const bytes = 64_000_000
  const piece = Buffer.alloc(1_000_000, 'x')
  let takenFromCore = 0
  const cores: Socket[] = []
  const core = createTcpServer((connection) => {
    connection.on('error', () => undefined)
    connection.once('data', (head) => {
      // The gateway asks for readiness as well.
      if (!head.toString('latin1').includes('GET /rooms ')) {
        connection.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
        return
      }
      cores.push(connection)
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
      for (let sent = 0; sent < bytes; sent += piece.length)
        connection.write(piece, () => {
          takenFromCore += piece.length
        })
    })
  })
  core.listen(0, '127.0.0.1')
  await once(core, 'listening')
  t.teardown(() => {
    for (const connection of cores) connection.destroy()
    core.close()
  })
  const { port } = core.address() as AddressInfo
  const gateway = await startGateway(t, { env: { CORE_URLS: `http://127.0.0.1:${port}` } })
  const socket = connect({ port: Number(new URL(gateway.publicUrl).port), host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  socket.pause()
  socket.write(get(GOOD))
  // What the kernel and the gateway take; then nothing moves.
  let before = -1
  await eventually('the answer stands still', async () => {
    const isStill = takenFromCore > 0 && takenFromCore === before
    before = takenFromCore
    await delay(200)
    return isStill
  })
  t.ok(takenFromCore < bytes, 'the rest is still with the core')
  let received = 0
  socket.on('data', (chunk) => {
    received += chunk.length
  })
  socket.resume()
  while (received < bytes) await once(socket, 'data')
  t.ok(received < bytes + 1_000)
})

t.test('a connection that says nothing is told so, one that says nothing more is closed', async (t) => {
  const gateway = await startGateway(t, {
    env: { HEADERS_TIMEOUT_MS: '200', KEEP_ALIVE_TIMEOUT_MS: '200' },
  })
  const silent = await openRaw(gateway.publicUrl)
  const served = await openRaw(gateway.publicUrl)
  served.write(get(GOOD))
  t.equal((await served.response()).status, 200)
  t.equal((await silent.response()).status, 408)
  await silent.untilClosed()
  t.equal((await served.untilClosed()).length, 0)
})

/** A lane before a server of its own: which of the two answered is in the answer. */
async function startLane(
  t: Scope,
  until?: () => Promise<void>,
  clock = () => performance.now(),
): Promise<{ server: Server; url: string; lane: ReturnType<typeof createLane> }> {
  const server = createServer((_req, res) => res.end('node'))
  const nodesOwn = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  const lane = createLane({
    toNode(socket) {
      for (const serve of nodesOwn) serve.call(server, socket)
    },
    takes: (path) => path !== '/left',
    serve(_req, res) {
      const answer = () => {
        res.writeHead(200, ['Content-Length', '4'])
        res.end('lane', 'latin1')
      }
      if (until === undefined) answer()
      else void until().then(answer)
    },
    answered: () => undefined,
    onSilent: (socket) => socket.destroy(),
    headersTimeoutMs: 10_000,
    keepAliveTimeoutMs: 10_000,
    clock,
  })
  server.removeAllListeners('connection').on('connection', lane.serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    lane.close()
    server.closeAllConnections()
    server.close()
  })
  return { server, lane, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test('a connection stays on the lane as long as its requests are plain', async (t) => {
  const { url } = await startLane(t)
  const connection = await openRaw(url)
  const said = async (text: string) => {
    connection.write(text)
    return (await connection.response()).text()
  }
  t.equal(await said(get()), 'lane')
  t.equal(await said(get()), 'lane')
  t.equal(await said(get([], '/left')), 'node')
  t.equal(await said(get()), 'node', 'and never comes back')
  connection.destroy()
})

t.test('thousands that came to say nothing do not hold up who has something to say', async (t) => {
  let atMs = 0
  const { server, lane, url } = await startLane(t, undefined, () => atMs)
  const silent = Array.from({ length: 1_000 }, () => new Wire())
  for (const wire of silent) server.emit('connection', wire)
  const open = () => silent.filter(({ destroyed }) => !destroyed).length
  const connection = await openRaw(url)
  const ask = async () => {
    connection.write(get())
    return (await connection.response()).text()
  }
  atMs = 5_000
  t.equal(await ask(), 'lane')
  atMs = 11_000
  lane.sweep()
  t.equal(await ask(), 'lane')
  t.ok(open() > 0, 'it was answered among them')
  await eventually('all are closed', () => open() === 0)
  connection.destroy()
})

/** A connection that Node did not accept: what is pushed is what arrives. */
class Wire extends Duplex {
  written = ''
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString('latin1')
    done()
  }
}

t.test('a connection that cannot be read into the one buffer is read by its events', async (t) => {
  const { server } = await startLane(t)
  const wire = new Wire()
  t.teardown(() => wire.destroy())
  const answers = () => wire.written.match(/lane|node/g)?.join() ?? ''
  server.emit('connection', wire)
  wire.push(get())
  await eventually('the first is answered', () => answers() === 'lane')
  const second = get()
  wire.push(second.slice(0, 9))
  wire.push(second.slice(9))
  await eventually('two pieces of one turn are a request', () => answers() === 'lane,lane')
  wire.push(get([], '/left'))
  await eventually('node:http goes on', () => answers() === 'lane,lane,node')
})

t.test('a drain answers what is under way, says that it was the last, and closes what is idle', async (t) => {
  const { url, lane, server } = await startLane(t)
  const [idle, busy] = [await openRaw(url), await openRaw(url)]
  for (const connection of [idle, busy]) {
    connection.write(get())
    t.equal((await connection.response()).header('connection'), 'keep-alive')
  }
  lane.drain()
  const closed = new Promise((resolve) => server.close(resolve))
  busy.write(get())
  t.equal((await busy.response()).header('connection'), 'close')
  await busy.untilClosed()
  t.notOk(idle.isClosed())
  lane.closeIdle()
  await idle.untilClosed()
  await closed
})

t.test('an answer that is due when the drain begins says so too', async (t) => {
  const [asked, due] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { url, lane } = await startLane(t, () => {
    asked.resolve()
    return due.promise
  })
  const connection = await openRaw(url)
  connection.write(get())
  await asked.promise
  lane.drain()
  due.resolve()
  t.equal((await connection.response()).header('connection'), 'close')
  await connection.untilClosed()
})
