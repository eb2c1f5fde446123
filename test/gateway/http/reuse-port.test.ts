import t from 'tap'
import { freePort } from '../../support/free-port.ts'
import { GOOD, startGateway } from '../../support/gateway.ts'
import { requestText, sendRaw } from '../../support/raw-http.ts'

t.test('gateways share a port where they are told to, and only there', async (t) => {
  const GATEWAY_PORT = `${await freePort()}`
  const first = await startGateway(t, { env: { GATEWAY_PORT, REUSE_PORT: 'on' } })
  const second = await startGateway(t, { env: { GATEWAY_PORT, REUSE_PORT: 'on' } })
  t.equal(second.publicUrl, first.publicUrl)
  const ask = () => sendRaw(first.publicUrl, requestText('GET /rooms HTTP/1.1', GOOD))
  await first.close()
  t.equal((await ask()).status, 200, 'one goes on without the other')
  t.equal(second.upstream.requests.length, 1)
  await t.rejects(startGateway(t, { env: { GATEWAY_PORT } }), { code: 'EADDRINUSE' })
})
