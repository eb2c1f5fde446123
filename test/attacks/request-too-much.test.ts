/** Long addresses, many and large headers, and relics of HTTP: an error and a closed connection, nothing forwarded. */
import t from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

t.test('what is too much is refused with the status that says so', async (t) => {
  const gateway = await startGateway(t)
  const many = Array.from({ length: 120 }, (_, i) => `X-${i}: 1`)
  const cases: [number, string][] = [
    [414, requestText(`GET /${'a'.repeat(9_000)} HTTP/1.1`, [...GOOD])],
    [431, requestText('GET /me HTTP/1.1', [...GOOD, `X: ${'a'.repeat(20_000)}`])],
    [431, requestText('GET /me HTTP/1.1', [...GOOD, ...many])],
    [400, requestText('GET /me HTTP/1.1', [...GOOD, `IM-Device-ID: ${'a'.repeat(600)}`])],
    [417, requestText('GET /me HTTP/1.1', [...GOOD, 'Expect: 200-ok'])],
    [400, requestText('GET /me HTTP/1.1', [...GOOD, 'Host: a', 'Host: b'])],
    [400, requestText('GET /me HTTP/1.1', [...GOOD, 'Host: user@a'])],
    [400, 'GET /me HTTP/1.1\r\n\r\n'],
    [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'],
    [
      401,
      requestText('GET /me HTTP/1.1', [
        'IM-Client-Key: demo_clientkey',
        `IM-Authorization: ${'a'.repeat(5_000)}`,
      ]),
    ],
  ]
  for (const [status, bytes] of cases) {
    const response = await sendRaw(gateway.publicUrl, bytes)
    t.equal(response.status, status, bytes.slice(0, 60))
    t.match(response.json(), { RC: status, error: { code: String } })
    t.equal(response.header('access-control-allow-origin'), '*', 'a browser must be able to read the error')
  }
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('no secret is in any log, metric or error of refused and served requests', async (t) => {
  const gateway = await startGateway(t)
  const secret = 'planted-secret-value'
  const requests = [
    requestText('GET /me HTTP/1.1', [...GOOD]),
    requestText('GET /me HTTP/1.1', [`IM-Client-Key: ${secret}`, `IM-Authorization: ${secret}`]),
    requestText('GET /me HTTP/1.1', [`IM-API-KEY: ${secret}`, `Referer: https://x/?token=${secret}`]),
    requestText(`GET /me?token=${secret} HTTP/1.1`, [
      'IM-Client-Key: demo_clientkey',
      `Authorization: ${secret}`,
    ]),
    requestText('GET /me HTTP/1.1', [`IM-Authorization: ${secret}\x00`]),
    requestText('GET //me HTTP/1.1', [`IM-Authorization: ${secret}`]),
  ]
  for (const bytes of requests) t.notMatch((await sendRaw(gateway.publicUrl, bytes)).text(), secret)
  t.notMatch(gateway.log(), /planted-secret-value|ada-token|demo_clientkey/)
  t.notMatch(await gateway.metrics(), /planted-secret-value|ada-token|demo_clientkey/)
})
