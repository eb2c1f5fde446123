/**
 * Two values for one credential: the gateway judges the one, somebody behind it believes the other. Never "the
 * first wins". Precedent: Kong's key-auth reading the first of several keys.
 */
import t from 'tap'
import { GOOD, identityOf, PLATFORM, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

t.test('two different values of one kind are refused with 400, and nothing is forwarded', async (t) => {
  const gateway = await startGateway(t)
  const cases = [
    [...GOOD, 'IM-Client-Key: other_clientkey'],
    [...GOOD, 'CLIENT_KEY: other_clientkey'],
    [...GOOD, 'IM_CLIENT_KEY: other_clientkey'],
    [...GOOD, 'IM-Authorization: eve-token'],
    [...GOOD, 'im_authorization: eve-token'],
    [...PLATFORM, 'API_KEY: other_apikey'],
    [...PLATFORM, 'IM-API-KEY: other_apikey'],
    [...PLATFORM, 'IM-Client-ID: a', 'IM-CLIENT-ID: b'],
    ['CLIENT_KEY: demo_clientkey', 'Authorization: ada-token', 'Authorization: eve-token'],
  ]
  for (const fields of cases) {
    const response = await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))
    t.equal(response.status, 400, fields.join(' · '))
    t.match(response.json(), { RC: 400, error: { code: 'CONFLICTING_CREDENTIALS' } })
  }
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('the new form of the token wins over the legacy one, which may be meant for S3', async (t) => {
  const gateway = await startGateway(t)
  await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [...GOOD, 'Authorization: AWS4-HMAC-SHA256 x=y']),
  )
  t.match(identityOf(await gateway.upstream.next()), { userId: 'ada' })
})

t.test('an invalid platform key decides, even beside a valid token', async (t) => {
  const gateway = await startGateway(t)
  const response = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [...GOOD, 'IM-API-KEY: wrong']),
  )
  t.equal(response.status, 401)
  t.match(response.json(), { error: { code: 'INVALID_API_KEY' } })
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('a platform key from a browser is refused with 403', async (t) => {
  const gateway = await startGateway(t)
  const response = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [...PLATFORM, 'Origin: https://app.example']),
  )
  t.equal(response.status, 403)
  t.match(response.json(), { error: { code: 'PLATFORM_KEY_FROM_BROWSER' } })
})

t.test('the key of one app with the token of another is 401', async (t) => {
  const gateway = await startGateway(t)
  for (const [key, token] of [
    ['demo_clientkey', 'eve-token'],
    ['other_clientkey', 'ada-token'],
    ['demo_apikey', 'ada-token'],
  ]) {
    const response = await sendRaw(
      gateway.publicUrl,
      requestText('GET /me HTTP/1.1', [`IM-Client-Key: ${key}`, `IM-Authorization: ${token}`]),
    )
    t.equal(response.status, 401, `${key} ${token}`)
  }
  t.equal(gateway.upstream.requests.length, 0)
})
