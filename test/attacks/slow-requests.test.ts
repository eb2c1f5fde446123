/**
 * Requests that come a byte at a time (Slowloris, R-U-Dead-Yet): each holds a connection, and a body holds one to the
 * core as well. They are answered 408 and closed; others are served meanwhile.
 */
import t from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { openRaw, requestText, sendRaw } from '../support/raw-http.ts'
import { openHttp2, requestHttp2, startTlsGateway } from '../support/tls-gateway.ts'

const ENV = { HEADERS_TIMEOUT_MS: '300', BODY_GRACE_MS: '300' }

t.test('a header section that does not end is 408', async (t) => {
  const gateway = await startGateway(t, { env: ENV })
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  connection.write('GET /me HTTP/1.1\r\nHost: a\r\nX-Slow: ')
  const timer = setInterval(() => connection.write('a'), 50)
  t.teardown(() => clearInterval(timer))
  const answer = await connection.response()
  t.equal(answer.status, 408)
  t.match(answer.json(), { RC: 408, error: { code: 'REQUEST_TIMEOUT' } })
  t.equal(answer.header('connection'), 'close')
  clearInterval(timer)
  await connection.untilClosed()
  t.equal(gateway.upstream.requests.length, 0)
})

const bodies: Record<string, string[]> = {
  'a small body': ['Content-Length: 1000'],
  'a large body': ['Content-Length: 100000'],
  'a body of chunks': ['Transfer-Encoding: chunked'],
}
for (const [what, framing] of Object.entries(bodies)) {
  t.test(`${what} that trickles is 408, on requests and on long-polling`, async (t) => {
    for (const target of ['/files/x', '/socket.io/?EIO=4&transport=polling&sid=x']) {
      const gateway = await startGateway(t, { env: ENV })
      const connection = await openRaw(gateway.publicUrl)
      t.teardown(() => connection.destroy())
      connection.write(requestText(`POST ${target} HTTP/1.1`, [...GOOD, ...framing]))
      const piece = framing[0]?.startsWith('T') ? '1\r\na\r\n' : 'a'
      const timer = setInterval(() => connection.write(piece), 50)
      t.teardown(() => clearInterval(timer))
      const answer = await connection.response()
      t.equal(answer.status, 408)
      t.match(answer.json(), { RC: 408 })
      clearInterval(timer)
      await connection.untilClosed()
      const other = await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD]))
      t.equal(other.status, 200, 'others are served')
    }
  })
}

t.test('a body that comes slowly but steadily enough is let through', async (t) => {
  const gateway = await startGateway(t, { env: ENV })
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  connection.write(requestText('POST /files/x HTTP/1.1', [...GOOD, 'Content-Length: 4000']))
  for (let i = 0; i < 20; i++) {
    connection.write('a'.repeat(200))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.equal((await connection.response()).status, 200)
})

t.test('a slow core is not a slow client', async (t) => {
  const gateway = await startGateway(t, { env: ENV })
  gateway.upstream.answerWith(async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    return 'HTTP/1.1 204 No Content\r\n\r\n'
  })
  const request = requestText('POST /files/x HTTP/1.1', [...GOOD, 'Content-Length: 5'], 'hello')
  t.equal((await sendRaw(gateway.publicUrl, request)).status, 204)
})

t.test('a body that trickles over HTTP/2 resets its stream, and not the connection', async (t) => {
  const gateway = await startTlsGateway(t, ENV)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  const good = { 'im-client-key': 'demo_clientkey', 'im-authorization': 'ada-token' }
  const slow = { ':method': 'POST', ':path': '/files/x', ...good, 'content-length': '1000' }
  const answer = await requestHttp2(session, slow, 'a', { endStream: false })
  t.match(answer, { status: 0, resetCode: 8 })
  t.equal((await requestHttp2(session, { ':path': '/me', ...good })).status, 200)
})

t.test('a body larger than is taken is 413, whether or not it says so', async (t) => {
  const gateway = await startGateway(t, { env: { MAX_BODY_BYTES: '20000' } })
  const declared = requestText('POST /files/x HTTP/1.1', [...GOOD, 'Content-Length: 20001'], 'a'.repeat(100))
  t.equal((await sendRaw(gateway.publicUrl, declared)).status, 413)
  t.equal(gateway.upstream.requests.length, 0)
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  connection.write(requestText('POST /files/x HTTP/1.1', [...GOOD, 'Transfer-Encoding: chunked']))
  for (let i = 0; i < 3; i++) connection.write(`1f40\r\n${'a'.repeat(8_000)}\r\n`)
  t.equal((await connection.response()).status, 413)
})
