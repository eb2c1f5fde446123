/**
 * Not an attack, and yet: shipped clients answer a Socket.IO disconnect, or a CONNECT_ERROR, by connecting again at
 * once, hundreds of times in seconds, from every tab. So whatever ends for them here ends below Socket.IO, and a
 * refusal leaves the socket open. Counted at a client with the official web UI's own handlers: at most ten in ten
 * seconds, and one where the token is simply wrong.
 */
import { io } from 'socket.io-client'
import t, { type Test } from 'tap'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey } = stack.keys
const WATCHED_MS = 10_000

/** As the web UI does it: authenticates on every connect, and connects at once when its socket gave up. */
function officialClient(t: Test, token: () => string) {
  const socket = io(stack.url, { transports: ['websocket'], forceNew: true, query: { b64: '1' } })
  t.teardown(() => socket.off().disconnect())
  let connections = 0
  socket.io.on('open', () => {
    connections++
  })
  const again = (): void => {
    if (!socket.active) socket.connect()
  }
  socket.on('disconnect', again)
  socket.on('connect_error', again)
  const connected = new Promise<void>((resolve) => {
    socket.on('connect', () => {
      socket.emit('auth2', token(), { CLIENT_KEY: clientKey, Authorization: token() })
      resolve()
    })
  })
  return { connected, connections: () => connections, isConnected: () => socket.connected }
}

const watch = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, WATCHED_MS))

t.test(
  'a bad token leaves a client connected, once; an end of its token costs it a few connections',
  async (t) => {
    const revoked = await stack.createUser('revoked')
    const disabled = await stack.createUser('disabled')
    const inTwoSeconds = new Date(Date.now() + 2_500).toISOString()
    await stack.platform.ok('POST', '/admin/clients', { _id: 'expiring' })
    await stack.platform.ok('PUT', '/admin/clients/expiring/token', {
      token: 'expiring-token',
      expirationDate: inTwoSeconds,
    })

    const clients = {
      'a bad token': officialClient(t, () => 'no-such-token'),
      'no token': officialClient(t, () => ''),
      'a token that is revoked': officialClient(t, () => revoked.token),
      'all tokens revoked': officialClient(t, () => disabled.token),
      'a token that expires': officialClient(t, () => 'expiring-token'),
    }
    await Promise.all(Object.values(clients).map(({ connected }) => connected))
    await new Promise((resolve) => setTimeout(resolve, 500))
    await stack.platform.ok('DELETE', '/admin/clients/revoked/token', { token: revoked.token })
    await stack.platform.ok('DELETE', '/admin/clients/disabled/token')
    await watch()
    for (const [name, client] of Object.entries(clients)) {
      t.ok(client.connections() <= 10, `${name}: ${client.connections()} connections`)
      t.ok(client.isConnected(), `${name}: connected, and anonymous`)
    }
    t.equal(clients['a bad token'].connections(), 1)
    t.equal(clients['no token'].connections(), 1)
    t.ok(clients['a token that is revoked'].connections() >= 2, 'the end did come')
    t.ok(clients['a token that expires'].connections() >= 2)
  },
)

t.test('a core that is killed costs a client a few connections', async (t) => {
  const user = await stack.createUser('steady')
  const client = officialClient(t, () => user.token)
  await client.connected
  const core = stack.cores[0]!
  core.signal('SIGKILL')
  await watch()
  t.ok(client.connections() <= 10, `${client.connections()} connections without a core`)
})
