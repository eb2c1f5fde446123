/**
 * `Connection` names fields as hop-by-hop. A proxy that injects first and strips afterwards lets the client
 * remove the proxy's own header, and one that does not strip passes on what the next hop takes for its own.
 * Precedents: Traefik CVE-2021-32813 and CVE-2024-45410, Fabio CVE-2025-48865.
 */
import t from 'tap'
import { GOOD, identityOf, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { answerText } from '../support/recording-upstream.ts'

t.test('Connection cannot take away what the gateway injects', async (t) => {
  const gateway = await startGateway(t)
  for (const value of [
    'IM-Identity',
    'im_identity, X-Forwarded-For',
    'close, IM-Identity, X-Request-ID',
    'host',
  ]) {
    const response = await sendRaw(
      gateway.publicUrl,
      requestText('GET /me HTTP/1.1', [`Connection: ${value}`, ...GOOD]),
    )
    t.equal(response.status, 200, value)
    const received = await gateway.upstream.next()
    t.match(identityOf(received), { userId: 'ada' })
    t.equal(received.values('x-forwarded-for').length, 1)
    t.equal(received.values('host').length, 1)
  }
})

t.test('a credential that Connection names is gone before it is looked at', async (t) => {
  const gateway = await startGateway(t)
  const response = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', ['Connection: IM_Authorization', ...GOOD]),
  )
  t.equal(response.status, 401)
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('hop-by-hop fields of a request end here', async (t) => {
  const gateway = await startGateway(t)
  const fields = [
    'Connection: x-mine',
    'X-Mine: 1',
    'Keep-Alive: 5',
    'TE: trailers',
    'Proxy-Authorization: x',
    'Upgrade: h2c',
    'HTTP2-Settings: AAA',
    'Proxy-Connection: keep-alive',
    'X-Kept: yes',
  ]
  await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...fields, ...GOOD]))
  const received = await gateway.upstream.next()
  t.same(received.values('x-kept'), ['yes'])
  for (const name of [
    'x-mine',
    'keep-alive',
    'te',
    'proxy-authorization',
    'upgrade',
    'http2-settings',
    'proxy-connection',
  ])
    t.same(received.values(name), [], name)
})

t.test('and so do those of an answer', async (t) => {
  const gateway = await startGateway(t)
  gateway.upstream.answerWith(() =>
    answerText(200, {}, [
      'Connection: x-internal',
      'X-Internal: secret',
      'IM-Identity: leaked',
      'Proxy-Authenticate: x',
      'IM_Credential_Position: 1',
      'X-Kept: yes',
    ]),
  )
  const response = await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD]))
  t.equal(response.header('x-kept'), 'yes')
  for (const name of ['x-internal', 'im-identity', 'proxy-authenticate', 'im_credential_position'])
    t.equal(response.header(name), undefined, name)
})
