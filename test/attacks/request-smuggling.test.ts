/**
 * Two servers that disagree about where a request ends let an attacker put a request of his own in front of
 * somebody else's. The gateway never forwards a client's framing: it sends its own, or nothing. Precedents: llhttp
 * and HAProxy CVEs, undici CVE-2026-1525.
 */
import t from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { openRaw, requestText } from '../support/raw-http.ts'

const SMUGGLED = 'GET /admin/clients HTTP/1.1\r\nHost: gateway.test\r\nX-Smuggled: 1\r\n\r\n'

const REFUSED: [string, string[]][] = [
  ['CL.TE', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
  ['TE.CL', ['Transfer-Encoding: chunked', 'Content-Length: 4']],
  ['two lengths', ['Content-Length: 4', 'Content-Length: 5']],
  ['one length twice', ['Content-Length: 4', 'Content-Length: 4']],
  ['length with a leading zero', ['Content-Length: 04']],
  ['signed length', ['Content-Length: +4']],
  ['length list', ['Content-Length: 4, 4']],
  ['hexadecimal length', ['Content-Length: 0x4']],
  ['negative length', ['Content-Length: -1']],
  ['folded length name', ['Content_Length: 4']],
  ['gzip, chunked', ['Transfer-Encoding: gzip, chunked']],
  [',chunked', ['Transfer-Encoding: ,chunked']],
  ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
  ['chunked, identity', ['Transfer-Encoding: chunked, identity']],
  ['xchunked', ['Transfer-Encoding: xchunked']],
  ['vertical tab', ['Transfer-Encoding: \x0bchunked']],
  ['space before the colon', ['Transfer-Encoding : chunked']],
  ['folded encoding name', ['Transfer_Encoding: chunked']],
  ['obs-fold', ['X: a\r\n b']],
  ['bare CR', ['X: a\rTransfer-Encoding: chunked']],
  ['NUL', ['X: a\x00b']],
]

t.test('framing that can be read in two ways is refused, and the connection closed', async (t) => {
  const gateway = await startGateway(t)
  for (const [name, fields] of REFUSED) {
    const connection = await openRaw(gateway.publicUrl)
    connection.write(
      requestText('POST /rooms/r/message HTTP/1.1', [...GOOD, ...fields], `0\r\n\r\n${SMUGGLED}`),
    )
    const response = await connection.response()
    t.equal(response.status, 400, name)
    const rest = await connection.closed
    t.equal(rest.length, 0, `${name}: nothing more is answered`)
  }
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('a bare LF ends nothing', async (t) => {
  const gateway = await startGateway(t)
  const connection = await openRaw(gateway.publicUrl)
  connection.write(`GET /me HTTP/1.1\nHost: gateway.test\nIM-Client-Key: demo_clientkey\n\n${SMUGGLED}`)
  t.equal((await connection.response()).status, 400)
  await connection.closed
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('chunk extensions and trailers end here: the core gets framing of ours', async (t) => {
  const gateway = await startGateway(t)
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  const body = '5;ext="x\ty"\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n'
  connection.write(
    requestText(
      'POST /rooms/r/message HTTP/1.1',
      [...GOOD, 'Transfer-Encoding: CHUNKED', 'Trailer: X-Trailer'],
      body,
    ),
  )
  t.equal((await connection.response()).status, 200)
  const received = await gateway.upstream.next()
  t.equal(received.body.toString(), 'hello')
  t.same(received.trailers, [])
  t.notMatch(received.connection.received().toString('latin1'), /ext=|CHUNKED|Trailer/)
})

t.test('bad chunks cut the request short; nothing of them is taken for another', async (t) => {
  const gateway = await startGateway(t)
  for (const body of [
    '5\r\nhelloX',
    'zz\r\n',
    '-1\r\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    '5\nhello\n0\n\n',
    '0x5\r\nhello\r\n',
    'fffffffffffffffff\r\n',
  ]) {
    const connection = await openRaw(gateway.publicUrl)
    connection.write(
      requestText('POST /rooms/r/message HTTP/1.1', [...GOOD, 'Transfer-Encoding: chunked'], body + SMUGGLED),
    )
    await connection.closed
  }
  t.notOk(gateway.upstream.requests.some((request) => request.target === '/admin/clients'))
})

t.test('pipelined requests are answered in their order, each on its own credentials', async (t) => {
  const gateway = await startGateway(t)
  gateway.upstream.answerWith(
    (request) => `HTTP/1.1 200 OK\r\nContent-Length: ${request.target.length}\r\n\r\n${request.target}`,
  )
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  connection.write(
    requestText('GET /me HTTP/1.1', [...GOOD]) +
      requestText('GET /rooms HTTP/1.1') +
      requestText('GET /rooms/ids HTTP/1.1', [...GOOD]),
  )
  t.equal((await connection.response()).text(), '/me')
  t.equal((await connection.response()).status, 401)
  t.equal((await connection.response()).text(), '/rooms/ids')
})
