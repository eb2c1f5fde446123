/**
 * Made-up credentials, each different, each a lookup in the user store (and, where an app has its own auth service, a
 * call to it). An address has so many that find nothing; then what is not cached is refused without a lookup, while
 * credentials that are known go on.
 */
import t from 'tap'
import { GOOD, PLATFORM, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const guess = (i: number) =>
  requestText('GET /me HTTP/1.1', ['IM-Client-Key: demo_clientkey', `IM-Authorization: guess-${i}`])

t.test('guesses stop at the gateway; whoever is known from the same address is served', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '20' } })
  t.equal((await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD]))).status, 200)
  for (let i = 0; i < 60; i++) {
    const { status } = await sendRaw(gateway.publicUrl, guess(i))
    t.equal(status, i < 20 ? 401 : 429, `guess ${i}`)
  }
  t.equal(gateway.core.asked('client-token'), 21)
  t.equal((await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD]))).status, 200)
  t.equal(gateway.upstream.requests.length, 2)
  t.match(await gateway.metrics(), /gateway_authentication_events_total\{event="lookup-limited"\} 40/)
})

t.test('guessed platform keys are counted too', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '5' } })
  t.equal((await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...PLATFORM]))).status, 200)
  const before = gateway.core.asked('platform-key')
  for (let i = 0; i < 10; i++)
    await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [`IM-API-KEY: guess-${i}`]))
  t.equal(gateway.core.asked('platform-key') - before, 5)
  t.equal(gateway.upstream.requests.length, 1)
})
