import t from 'tap'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const TRANSPORTS = ['websocket', 'polling'] as const

t.test('a token that is bound again to end sooner ends its sockets and requests then', async (t) => {
  const stack = await startStack(t)
  const { platform, keys } = stack
  const token = 'a token of the customer'
  const until = (ms: number) => new Date(Date.now() + ms).toISOString()
  await platform.ok('POST', '/admin/clients', { _id: 'ann' })
  await platform.ok('PUT', '/admin/clients/ann/token', { token, expirationDate: until(3_600_000) })
  const sockets = TRANSPORTS.map((transport) =>
    connectSocket(t, transport === 'polling' ? 2 : 4, stack.url, {
      transports: [transport],
      reconnection: false,
    }),
  )
  const credentials = { CLIENT_KEY: keys.clientKey, Authorization: token }
  for (const socket of sockets) {
    await socket.connected
    t.match(await socket.ask('auth2', token, credentials), { RC: 0, result: { client: 'ann' } })
  }
  t.match(await stack.as(token).ok('GET', '/me'), { id: 'ann' })

  await platform.ok('PUT', '/admin/clients/ann/token', { token, expirationDate: until(7_200_000) })
  t.match(await stack.as(token).ok('GET', '/me'), { id: 'ann' })
  for (const socket of sockets) t.ok(socket.isConnected(), 'a longer life ends nothing')

  const endsAtMs = Date.now() + 3_000
  const expirationDate = new Date(endsAtMs).toISOString()
  await platform.ok('PUT', '/admin/clients/ann/token', { token, expirationDate })
  await Promise.all(sockets.map((socket) => socket.disconnected))
  t.ok(Date.now() >= endsAtMs, 'not before')
  t.match(await stack.as(token).call('GET', '/me'), { status: 401 })
})
