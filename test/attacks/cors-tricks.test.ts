/**
 * An allow-list that is compared by suffix, prefix, pattern or case lets in whoever registers the right name; `null`
 * is every sandboxed frame; and `*` with credentials is everybody. On every answer of the gateway, its errors and
 * preflights among them.
 */
import t, { type Test } from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { type RawResponse, requestText, sendRaw } from '../support/raw-http.ts'
import { okAnswer } from '../support/recording-upstream.ts'

const OWN = 'https://app.example'
const env = { CORS_ORIGINS: `${OWN},http://localhost:3000`, RATE_LIMIT_REFUSED: '100000' }
const TRICKS = [
  'null',
  'NULL',
  'https://app.example.evil.example',
  'https://evil.example/https://app.example',
  'https://notapp.example',
  'https://app.example:443',
  'https://app.exampl',
  'https://app_example',
  'http://app.example',
  'HTTPS://APP.EXAMPLE',
  'https://app.example.',
  'https://app.example%00.evil.example',
  'https://user@app.example',
  'http://localhost:30000',
  'file://',
  '*',
  '',
]

/** All that the gateway can answer with, by where it goes wrong. */
const REQUESTS: Record<string, (origin: string[]) => string> = {
  200: (origin) => requestText('GET /me HTTP/1.1', [...GOOD, ...origin]),
  401: (origin) => requestText('GET /me HTTP/1.1', [...origin]),
  '400 path': (origin) => requestText('GET /rooms//x HTTP/1.1', [...GOOD, ...origin]),
  '400 conflict': (origin) => requestText('GET /me HTTP/1.1', [...GOOD, 'CLIENT_KEY: x', ...origin]),
  405: (origin) => requestText('TRACE /me HTTP/1.1', [...GOOD, ...origin]),
  '404 below the socket path': (origin) => requestText('GET /socket.io/x HTTP/1.1', [...GOOD, ...origin]),
  preflight: (origin) =>
    requestText('OPTIONS /me HTTP/1.1', [...origin, 'Access-Control-Request-Method: GET']),
}

function checkNothingGranted(t: Test, answer: RawResponse, name: string): void {
  t.equal(answer.header('access-control-allow-origin'), undefined, name)
  t.equal(answer.header('access-control-allow-credentials'), undefined, name)
  t.equal(answer.header('vary'), 'Origin', name)
}

t.test('no origin but the listed ones is granted anything, on any answer', async (t) => {
  const gateway = await startGateway(t, { env })
  gateway.store.changeSettings('demo', { origins: [OWN] })
  gateway.upstream.answerWith(() => okAnswer())
  for (const [name, request] of Object.entries(REQUESTS))
    for (const origin of TRICKS) {
      const answer = await sendRaw(gateway.publicUrl, request([`Origin: ${origin}`]))
      checkNothingGranted(t, answer, `${name}: ${origin}`)
    }
})

t.test('a listed origin is granted on every answer, exactly, and never with credentials', async (t) => {
  const gateway = await startGateway(t, { env })
  gateway.store.changeSettings('demo', { origins: [OWN] })
  for (const [name, request] of Object.entries(REQUESTS)) {
    const answer = await sendRaw(gateway.publicUrl, request([`Origin: ${OWN}`]))
    t.equal(answer.header('access-control-allow-origin'), OWN, name)
    t.equal(answer.header('access-control-allow-credentials'), undefined, name)
    t.equal(answer.header('vary'), 'Origin', name)
  }
})

t.test('two origins are no origin', async (t) => {
  const gateway = await startGateway(t, { env })
  const fields = [...GOOD, `Origin: ${OWN}`, 'Origin: https://evil.example']
  const answer = await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))
  t.equal(answer.status, 400)
  t.not(answer.header('access-control-allow-origin'), 'https://evil.example')
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('what the core grants by itself never gets out', async (t) => {
  const gateway = await startGateway(t, { env })
  gateway.upstream.answerWith(
    () =>
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: https://evil.example\r\n' +
      'Access-Control-Allow-Credentials: true\r\naccess_control_allow_origin: *\r\n\r\n',
  )
  gateway.store.changeSettings('demo', { origins: [OWN] })
  const answer = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [...GOOD, 'Origin: https://evil.example']),
  )
  t.equal(answer.status, 200)
  t.notOk(answer.fields.some(([name]) => /^access.control/i.test(name)))
})

t.test('`*` is for everybody and for no credentials', async (t) => {
  const gateway = await startGateway(t)
  for (const origin of ['https://x.example', 'null']) {
    const answer = await sendRaw(
      gateway.publicUrl,
      requestText('GET /me HTTP/1.1', [...GOOD, `Origin: ${origin}`]),
    )
    t.equal(answer.header('access-control-allow-origin'), '*')
    t.equal(answer.header('access-control-allow-credentials'), undefined)
  }
})
