/**
 * One address that opens connections without end. The process has a bound, and an address a smaller one; a trusted
 * proxy, whose connections are those of many, has only the first.
 */
import t from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { openRaw, type RawConnection, requestText } from '../support/raw-http.ts'

async function open(gateway: { publicUrl: string }, count: number): Promise<RawConnection[]> {
  const opened: RawConnection[] = []
  for (let i = 0; i < count; i++) opened.push(await openRaw(gateway.publicUrl))
  return opened
}

async function isServed(connection: RawConnection): Promise<boolean> {
  connection.write(requestText('GET /me HTTP/1.1', [...GOOD]))
  return connection.response().then(
    ({ status }) => status === 200,
    () => false,
  )
}

for (const limit of ['MAX_CONNECTIONS_PER_ADDRESS', 'MAX_CONNECTIONS']) {
  t.test(`${limit}: one more is closed unread, and one that ends makes room`, async (t) => {
    const gateway = await startGateway(t, { env: { [limit]: '3' } })
    const connections = await open(gateway, 5)
    t.teardown(() => connections.map((connection) => connection.destroy()))
    const served: boolean[] = []
    for (const connection of connections) served.push(await isServed(connection))
    t.same(served, [true, true, true, false, false])
    t.match(await gateway.metrics(), /gateway_connections_dropped_total\{reason="too-many[^"]*"\} 2/)
    t.match(await gateway.metrics(), /gateway_connections 3/)
    connections[0]?.write('GET / HTTP/1.0\r\nConnection: close\r\n\r\n')
    await connections[0]?.untilClosed()
    connections[0]?.destroy()
    const [late] = await open(gateway, 1)
    t.teardown(() => late?.destroy())
    t.equal(late && (await isServed(late)), true)
  })
}

t.test('a trusted proxy is not one address', async (t) => {
  const env = { MAX_CONNECTIONS_PER_ADDRESS: '1', TRUSTED_PROXIES: '127.0.0.1' }
  const gateway = await startGateway(t, { env })
  const connections = await open(gateway, 3)
  t.teardown(() => connections.map((connection) => connection.destroy()))
  for (const connection of connections) t.equal(await isServed(connection), true)
})
