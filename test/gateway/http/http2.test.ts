import { once } from 'node:events'
import t from 'tap'
import { createCertificate } from '../../support/certificate.ts'
import { eventually } from '../../support/eventually.ts'
import { identityOf } from '../../support/gateway.ts'
import { requestText } from '../../support/raw-http.ts'
import { answerText, okAnswer } from '../../support/recording-upstream.ts'
import { openHttp2, openTls, requestHttp2, startTlsGateway } from '../../support/tls-gateway.ts'
import { clientFrame, readTexts } from '../tunnel/client-frames.ts'

const GOOD = { 'im-client-key': 'demo_clientkey', 'im-authorization': 'ada-token' }

t.test('a request over HTTP/2 reaches the core as one over HTTP/1.1 does', async (t) => {
  const gateway = await startTlsGateway(t)
  gateway.upstream.answerWith(() =>
    answerText(201, { RC: 0, result: 'made' }, [
      'Connection: X-Hop',
      'X-Hop: 1',
      'X-Two: a',
      'X-Two: b',
      'Keep-Alive: timeout=5',
    ]),
  )
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  const answer = await requestHttp2(
    session,
    {
      ':method': 'POST',
      ':path': '/rooms?x=1',
      ...GOOD,
      'content-type': 'application/json',
      cookie: ['a=1', 'b=2'],
      origin: 'https://a.example',
    },
    '{"name":"x"}',
  )
  t.equal(answer.status, 201)
  t.match(JSON.parse(answer.body), { result: 'made' })
  t.equal(answer.headers['x-two'], 'a, b')
  t.equal(answer.headers['x-hop'], undefined)
  t.equal(answer.headers['keep-alive'], undefined)
  t.equal(answer.headers['access-control-allow-origin'], '*')
  const received = await gateway.upstream.next()
  t.equal(received.method, 'POST')
  t.equal(received.target, '/rooms?x=1')
  t.equal(received.body.toString(), '{"name":"x"}')
  t.same(received.values('cookie'), ['a=1; b=2'])
  t.same(received.values('x-forwarded-proto'), ['https'])
  t.match(received.values('host'), [/^localhost:\d+$/])
  t.match(identityOf(received), { kind: 'client', userId: 'ada' })
  t.notMatch(received.head, /^:|ada-token/im)
})

t.test('a body of unknown length streams on as chunks, a long answer comes back whole', async (t) => {
  const gateway = await startTlsGateway(t)
  // No piece is like another: none may stand in another's place, whatever memory is used again.
  const numbered = (count: number) =>
    Array.from({ length: count }, (_, nth) => `${nth}`.padStart(9, '.')).join(' ')
  const [long, sent] = [numbered(300_000), numbered(200_000)]
  gateway.upstream.answerWith(() => okAnswer(long))
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  const answer = await requestHttp2(session, { ':method': 'POST', ':path': '/files', ...GOOD }, sent)
  t.equal(answer.status, 200)
  t.ok(JSON.parse(answer.body).result === long, 'the answer, byte by byte')
  const received = await gateway.upstream.next()
  t.ok(received.body.toString() === sent, 'the body, byte by byte')
})

t.test('HEAD, 204 and refusals have no body, or their own', async (t) => {
  const gateway = await startTlsGateway(t)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  const head = await requestHttp2(session, { ':method': 'HEAD', ':path': '/me', ...GOOD })
  t.match(head, { status: 200, body: '' })
  const preflight = await requestHttp2(session, {
    ':method': 'OPTIONS',
    ':path': '/me',
    origin: 'https://a.example',
  })
  t.match(preflight, { status: 204, body: '' })
  const refused = await requestHttp2(session, { ':method': 'GET', ':path': '/me' })
  t.equal(refused.status, 401)
  t.match(JSON.parse(refused.body), { RC: 401 })
  t.equal(refused.headers.connection, undefined)
  t.notOk(session.closed, 'an error ends its stream alone')
})

t.test('many requests share a connection', async (t) => {
  const gateway = await startTlsGateway(t)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => requestHttp2(session, { ':path': `/rooms/${i}`, ...GOOD })),
  )
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(new Set(gateway.upstream.requests.map(({ target }) => target)).size, 100)
})

t.test('HTTP/1.1 and WebSockets work on the same port', async (t) => {
  const gateway = await startTlsGateway(t)
  for (const protocols of [['http/1.1'], []]) {
    const socket = await openTls(t, gateway, gateway.certificate.cert, protocols)
    socket.write(
      `GET /me HTTP/1.1\r\nHost: a\r\nIM-Client-Key: demo_clientkey\r\nIM-Authorization: ada-token\r\n\r\n`,
    )
    const [answer] = await once(socket, 'data')
    t.match(String(answer), /^HTTP\/1\.1 200 /)
    t.same((await gateway.upstream.next()).values('x-forwarded-proto'), ['https'])
    socket.write(
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    const [upgraded] = await once(socket, 'data')
    t.match(String(upgraded), /^HTTP\/1\.1 101 /)
    const { connection } = await gateway.upstream.next()
    for (const text of ['1', '2']) {
      socket.write(clientFrame(text))
      await eventually('a message arrives', () => readTexts(connection.tunnelled()).includes(text))
    }
    socket.destroy()
  }
})

t.test('a connection of HTTP/1.1 by TLS goes the short way and the long one, in order', async (t) => {
  const gateway = await startTlsGateway(t)
  gateway.upstream.answerWith(({ target, body }) => answerText(200, { target, length: body.length }))
  const socket = await openTls(t, gateway, gateway.certificate.cert, ['http/1.1'])
  let received = ''
  socket.on('data', (chunk) => {
    received += String(chunk)
  })
  const answers = () => [...received.matchAll(/\{"target".*?\}/g)].map(([text]) => JSON.parse(text))
  const large = 'x'.repeat(300_000)
  const said = (length: number, target: string) => ({ target, length })
  const fields = ['IM-Client-Key: demo_clientkey', 'IM-Authorization: ada-token']
  const post = (target: string, body: string) =>
    requestText(`POST ${target} HTTP/1.1`, [...fields, `Content-Length: ${body.length}`], body)
  socket.write(requestText('GET /a HTTP/1.1', fields))
  await eventually('the first is answered', () => answers().length === 1)
  socket.write(post('/b', 'hello'))
  await eventually('the second is answered', () => answers().length === 2)
  socket.write(post('/c', large))
  await eventually('the third is answered', () => answers().length === 3)
  socket.write(requestText('GET /d HTTP/1.1', fields) + requestText('GET /e HTTP/1.1', fields))
  await eventually('the others are', () => answers().length === 5)
  t.same(answers(), [said(0, '/a'), said(5, '/b'), said(large.length, '/c'), said(0, '/d'), said(0, '/e')])
})

t.test('a new certificate is served to new connections; those that are open stay', async (t) => {
  const gateway = await startTlsGateway(t)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  const next = createCertificate('next')
  await gateway.files.write(next)
  await gateway.reloadWith({})
  t.equal((await requestHttp2(session, { ':path': '/me', ...GOOD })).status, 200)
  const renewed = await openTls(t, gateway, next.cert)
  t.equal(renewed.authorized, true)
  t.equal(renewed.getPeerCertificate().subject.CN, 'next')
})

t.test('a certificate without its key is refused, and the old one stays', async (t) => {
  const gateway = await startTlsGateway(t)
  await gateway.files.write({ cert: createCertificate('next').cert, key: gateway.certificate.key })
  await gateway.reloadWith({})
  t.match(gateway.log(), /reload-refused/)
  t.equal((await openTls(t, gateway, gateway.certificate.cert)).getPeerCertificate().subject.CN, 'localhost')
})

t.test('nothing below TLS 1.2 is spoken', async (t) => {
  const gateway = await startTlsGateway(t)
  const { connect } = await import('node:tls')
  const socket = connect({
    port: Number(new URL(gateway.publicUrl).port),
    host: '127.0.0.1',
    servername: 'localhost',
    ca: gateway.certificate.cert,
    maxVersion: 'TLSv1.1',
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  const [error] = await once(socket, 'error')
  t.match(error, { code: /SSL|ECONNRESET/ })
})
