/**
 * HTTP/2 carries method, path and authority as fields, and has no use for those that HTTP/1.1 frames messages with.
 * A gateway that translates without looking smuggles them (precedents: "HTTP/2: The Sequel is Always Worse";
 * HAProxy CVE-2021-39240, Envoy CVE-2019-18801): a second Host, a path with spaces, a Transfer-Encoding of the
 * client's own, a length that the body does not have.
 */
import t from 'tap'
import { sendFields } from '../support/h2-frames.ts'
import { openHttp2, openTls, requestHttp2, startTlsGateway } from '../support/tls-gateway.ts'

const GOOD = { 'im-client-key': 'demo_clientkey', 'im-authorization': 'ada-token' }

const CREDENTIALS = Object.entries(GOOD)
const pseudo = (changed: Record<string, string> = {}): [string, string][] =>
  Object.entries({
    ':method': 'GET',
    ':scheme': 'https',
    ':authority': 'localhost',
    ':path': '/me',
    ...changed,
  })

t.test('what HTTP/2 forbids, or two servers could read differently, does not reach the core', async (t) => {
  const gateway = await startTlsGateway(t)
  const tries: Record<string, [string, string][]> = {
    'another host beside the authority': [...pseudo(), ['host', 'evil.example']],
    'an authority with userinfo': pseudo({ ':authority': 'user@localhost' }),
    'an authority with a path': pseudo({ ':authority': 'localhost/admin' }),
    'a path that is a URL': pseudo({ ':path': 'https://localhost/me' }),
    'a path that is a URL of another host': pseudo({ ':path': 'http://evil.example/me' }),
    'a path without a slash': pseudo({ ':path': 'me' }),
    'a path of another authority': pseudo({ ':path': '//evil.example/me' }),
    'a path with a request line': pseudo({ ':path': '/me HTTP/1.1\r\nX: 1' }),
    'a path with a space': pseudo({ ':path': '/me HTTP/1.1' }),
    'a path with dot segments': pseudo({ ':path': '/rooms/../admin/clients' }),
    'a path with a fragment': pseudo({ ':path': '/me#admin' }),
    'a path with a backslash': pseudo({ ':path': '/me\\admin' }),
    'the asterisk': pseudo({ ':path': '*' }),
    'no path': pseudo().filter(([name]) => name !== ':path'),
    'two paths': [...pseudo(), [':path', '/admin']],
    'a method that is not taken': pseudo({ ':method': 'TRACE' }),
    'a method with a request line': pseudo({ ':method': 'GET /admin HTTP/1.1' }),
    'two lengths': [...pseudo({ ':method': 'POST' }), ['content-length', '0'], ['content-length', '1']],
    'a length that is no number': [...pseudo({ ':method': 'POST' }), ['content-length', '+0']],
    'a length in disguise': [...pseudo({ ':method': 'POST' }), ['content_length', '5']],
    'a coding in disguise': [...pseudo({ ':method': 'POST' }), ['transfer_encoding', 'chunked']],
    'two tokens': [...pseudo(), ['im-authorization', 'eve-token']],
    'a status': [...pseudo(), [':status', '200']],
    'a protocol': [...pseudo({ ':method': 'CONNECT' }), [':protocol', 'websocket']],
  }
  for (const [what, fields] of Object.entries(tries)) {
    const socket = await openTls(t, gateway, gateway.certificate.cert, ['h2'])
    // Pseudo-header fields stand first, or the whole section is malformed.
    const sorted = [...fields, ...CREDENTIALS].sort(
      ([a], [b]) => Number(b.startsWith(':')) - Number(a.startsWith(':')),
    )
    await sendFields(socket, sorted as [string, string][])
    t.same(
      gateway.upstream.requests.map(({ head }) => head),
      [],
      what,
    )
    socket.destroy()
  }
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  t.equal((await requestHttp2(session, { ':path': '/me', ...GOOD })).status, 200, 'the gateway goes on')
})

t.test('fields that only the gateway may send, or that override, are dropped', async (t) => {
  const gateway = await startTlsGateway(t)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  await requestHttp2(session, {
    ':path': '/me',
    ...GOOD,
    'im-identity': 'forged',
    im_identity: 'forged',
    'x-forwarded-for': '10.0.0.1',
    'x-original-url': '/admin',
    te: 'trailers',
  })
  const received = await gateway.upstream.next()
  t.equal(received.values('im-identity').length, 1)
  t.notMatch(received.head, /forged|10\.0\.0\.1|x-original|^te:/im)
})

t.test('an extended CONNECT, by which WebSockets go over HTTP/2, is refused', async (t) => {
  const gateway = await startTlsGateway(t)
  const session = await openHttp2(t, gateway, gateway.certificate.cert)
  t.equal(session.remoteSettings.enableConnectProtocol ?? false, false)
  const answer = await requestHttp2(session, { ':method': 'CONNECT', ':authority': 'localhost:1' })
  t.ok(answer.status === 0 || answer.status >= 400, `${answer.status}`)
  t.equal(gateway.upstream.requests.length, 0)
})
