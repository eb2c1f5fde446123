/**
 * `Connection` on an upgrade names `Upgrade`, and whatever else the client likes: the identity that the gateway
 * injects, the Host, or fields of the handshake itself, hoping that some hop removes them. Precedents: Traefik
 * CVE-2021-32813 and CVE-2024-45410, Fabio CVE-2025-48865.
 */
import t from 'tap'
import { GOOD, identityOf, startGateway } from '../support/gateway.ts'
import { openRaw, requestText, sendRaw } from '../support/raw-http.ts'

const NAMED = ['IM-Identity', 'im_identity', 'X-Forwarded-For', 'Host', 'X-Request-ID', 'Origin', 'X-Custom']
const handshake = (connection: string[]) =>
  requestText('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', [
    ...GOOD,
    'Origin: https://x.example',
    'X-Custom: 1',
    ...connection,
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ])

t.test('what Connection names on an upgrade goes, what the gateway says of it stays', async (t) => {
  const gateway = await startGateway(t)
  for (const name of NAMED) {
    for (const connection of [
      [`Connection: Upgrade, ${name}`],
      [`Connection: ${name}`, 'Connection: upgrade'],
    ]) {
      const client = await openRaw(gateway.publicUrl)
      t.teardown(() => client.destroy())
      client.write(handshake(connection))
      t.equal((await client.response()).status, 101, connection.join())
      const received = await gateway.upstream.next()
      t.match(identityOf(received), { kind: 'client', userId: 'ada' }, connection.join())
      t.equal(received.values('x-forwarded-for').length, 1)
      t.equal(received.values('x-request-id').length, 1)
      t.equal(received.values('host').length, 1)
      t.strictSame(received.values('connection'), ['Upgrade'], 'one word, and ours')
      t.strictSame(received.values('x-custom'), name === 'X-Custom' ? [] : ['1'])
    }
  }
})

t.test('the handshake cannot be taken apart by Connection', async (t) => {
  const gateway = await startGateway(t)
  for (const name of ['Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Upgrade']) {
    const client = await openRaw(gateway.publicUrl)
    t.teardown(() => client.destroy())
    client.write(handshake([`Connection: Upgrade, ${name}`]))
    t.equal((await client.response()).status, 101, name)
    const received = await gateway.upstream.next()
    t.strictSame(received.values('sec-websocket-key'), ['dGhlIHNhbXBsZSBub25jZQ=='])
    t.strictSame(received.values('sec-websocket-version'), ['13'])
    t.strictSame(received.values('upgrade'), ['websocket'])
  }
})

t.test('credentials that Connection names are not credentials, on polling neither', async (t) => {
  const gateway = await startGateway(t)
  const target = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1'
  await sendRaw(
    gateway.publicUrl,
    requestText(target, [...GOOD, 'Connection: IM-Authorization, im_client_key']),
  )
  t.equal(identityOf(await gateway.upstream.next()).kind, 'anonymous')
  await sendRaw(gateway.publicUrl, requestText(target, [...GOOD, 'Connection: close, IM-Identity']))
  t.equal(identityOf(await gateway.upstream.next()).kind, 'client')
})
