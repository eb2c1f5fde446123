import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { openRaw } from './raw-http.ts'
import { startTcpProxy } from './tcp-proxy.ts'

async function startEcho(t: Test): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('bytes and ends pass both ways', async (t) => {
  const proxy = await startTcpProxy(t, await startEcho(t))
  const client = await openRaw(proxy.port)
  client.write('hello')
  t.equal(String(await client.bytes(5)), 'hello')
  client.end()
  await client.untilClosed()
  client.destroy()
})

t.test('a direction can be late, slow, or silent, by itself', async (t) => {
  const proxy = await startTcpProxy(t, await startEcho(t))
  const client = await openRaw(proxy.port)
  t.teardown(() => client.destroy())
  proxy.down.blackhole = true
  client.write('held')
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(client.received().length, 0)
  t.notOk(client.isClosed(), 'and nothing ends')
  proxy.heal()
  t.equal(String(await client.bytes(4)), 'held')
  proxy.up.delayMs = 150
  let startedMs = performance.now()
  client.write('late')
  t.equal(String(await client.bytes(4)), 'late')
  t.ok(performance.now() - startedMs >= 149)
  proxy.heal()
  proxy.up.bytesPerSecond = 1_000
  startedMs = performance.now()
  client.write('x'.repeat(200))
  await client.bytes(200)
  t.ok(performance.now() - startedMs >= 150)
})

t.test('connections can be cut, and refused for a while', async (t) => {
  const proxy = await startTcpProxy(t, await startEcho(t))
  const client = await openRaw(proxy.port)
  client.write('x')
  await client.bytes(1)
  t.equal(proxy.connections(), 1)
  proxy.cut()
  await client.untilClosed()
  await proxy.refuse()
  await t.rejects(openRaw(proxy.port))
  await proxy.accept()
  const again = await openRaw(proxy.port)
  again.write('y')
  t.equal(String(await again.bytes(1)), 'y')
  again.destroy()
})
