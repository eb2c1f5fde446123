/**
 * Headers by which other servers let a client choose the method, the path or its own address. Precedents:
 * oauth2-proxy CVE-2026-40575, fastify CVE-2026-3635.
 */
import t from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const OVERRIDES = [
  'X-HTTP-Method-Override: DELETE',
  'X-Method-Override: DELETE',
  'X-HTTP-Method: DELETE',
  'X-Original-URL: /admin/clients',
  'X-Rewrite-URL: /admin/clients',
  'X_Original_URL: /admin',
  'Forwarded: for=10.0.0.1',
  'X-Real-IP: 10.0.0.1',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-User: root',
  'X-Client-IP: 10.0.0.1',
  'True-Client-IP: 10.0.0.1',
  'CF-Connecting-IP: 10.0.0.1',
  'X-Forwarded-For: 10.0.0.1',
  'X_Forwarded_For: 10.0.0.1',
  'X-Original-Method: DELETE',
  'X-Forwarded-Prefix: /admin',
]

t.test('override headers are dropped; what is said of the client is what the gateway knows', async (t) => {
  const gateway = await startGateway(t)
  await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD, ...OVERRIDES]))
  const received = await gateway.upstream.next()
  t.equal(received.method, 'GET')
  t.equal(received.target, '/me')
  t.same(received.values('x-forwarded-for'), ['127.0.0.1'])
  t.same(received.values('x-forwarded-host'), ['gateway.test'])
  t.same(received.values('x-forwarded-proto'), ['http'])
  t.notMatch(received.head, /DELETE|admin|evil|10\.0\.0\.1|root/)
})

t.test('a forwarded address is believed from a trusted proxy only', async (t) => {
  const gateway = await startGateway(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
  await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [...GOOD, 'X-Forwarded-For: 6.6.6.6, 203.0.113.9']),
  )
  t.same((await gateway.upstream.next()).values('x-forwarded-for'), ['203.0.113.9'])
})
