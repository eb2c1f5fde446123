import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { connectSocket, fromBase64 } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

// Two gateways and two cores over PostgreSQL and Redis, with nothing in front that keeps a client at one of them.

const stack = await startStack(t, { database: 'postgres', redis: true, gateways: 2, cores: 2 })
const first = stack.gateways[0]!
const second = stack.gateways[1]!
const { clientKey } = stack.keys
const [alice, bob] = [await stack.createUser('alice'), await stack.createUser('bob')]
const made = await alice.api.ok('POST', '/rooms/createAndJoin', {
  roomType: 'group',
  name: 'both',
  invitee: ['bob'],
})
const room = String(made._id)

const TRANSPORTS = ['websocket', 'polling'] as const

t.test('what is said at one pair is heard by every socket at the other, over both transports', async (t) => {
  const sockets = []
  for (const { url } of [first, second]) {
    for (const transport of TRANSPORTS) {
      for (let copy = 0; copy < 2; copy++) {
        const socket = connectSocket(t, 4, url, { transports: [transport] })
        await socket.connected
        await socket.ask('conf', { encoding: 'base64' })
        const credentials = { CLIENT_KEY: clientKey, Authorization: alice.token }
        t.match(fromBase64(await socket.ask('auth2', alice.token, credentials)), { RC: 0 })
        sockets.push(socket)
      }
    }
  }
  for (const { url } of [first, second]) {
    const sender = stack.as(bob.token, url)
    const sent = await sender.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: url })
    const heard = await Promise.all(
      sockets.map((socket) =>
        socket.next('chat message', (payload) => Object(fromBase64(payload))._id === sent._id),
      ),
    )
    t.equal(heard.length, 8)
  }
  for (const socket of sockets) t.equal(socket.connections(), 1, 'a polling session stays with its core')
})

t.test('whichever core is asked knows who is connected, and who is not', async (t) => {
  const socket = connectSocket(t, 4, first.url)
  await socket.connected
  t.match(await socket.ask('auth2', bob.token, { CLIENT_KEY: clientKey }), { RC: 0 })
  await stack.createUser('dora')
  for (const { url } of [first, second, first, second]) {
    t.match(await stack.as(bob.token, url).ok('GET', '/me'), { isSocketConnected: true })
    const dora = await stack.platform.ok('POST', '/admin/clients', { _id: 'dora' })
    t.equal(dora.isSocketConnected, false)
  }
})

t.test('messages that both cores take at once have one order, the same for everybody', async (t) => {
  const senders = [stack.as(alice.token, first.url), stack.as(bob.token, second.url)]
  const sent = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      senders[index % 2]!.ok('POST', `/rooms/${room}/message`, {
        messageType: 'text',
        message: `at once ${index}`,
      }),
    ),
  )
  const lists = await Promise.all(
    [first, second].map(async ({ url }) => {
      const { data } = await stack.as(alice.token, url).ok('GET', `/rooms/${room}/messages/v3?limit=40`)
      return Array.isArray(data) ? data.map((message) => Object(message)._id) : []
    }),
  )
  t.same(lists[0], lists[1])
  t.same(new Set(lists[0]), new Set(sent.map(({ _id }) => _id)))
})

t.test('a user whose tokens are all revoked loses requests and sockets at both gateways', async (t) => {
  const carol = await stack.createUser('carol')
  const sockets = []
  for (const { url } of [first, second]) {
    for (const transport of TRANSPORTS) {
      const socket = connectSocket(t, 4, url, { transports: [transport], reconnection: false })
      await socket.connected
      const credentials = { CLIENT_KEY: clientKey, Authorization: carol.token }
      t.match(await socket.ask('auth2', carol.token, credentials), { RC: 0 })
      sockets.push(socket)
    }
  }
  await stack.platform.ok('DELETE', '/admin/clients/carol/token')
  t.equal((await stack.as(carol.token, first.url).call('GET', '/me')).status, 401)
  const refused = async () => (await stack.as(carol.token, second.url).call('GET', '/me')).status === 401
  await eventually('the second gateway refuses it', refused, 2_000)
  await Promise.all(sockets.map((socket) => socket.disconnected))
})

t.test('a core that goes away takes no request with it that comes after', async (t) => {
  await stack.cores[1]?.stop()
  const settled = async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        stack.as(alice.token, [first, second][index % 2]!.url).call('GET', '/me'),
      ),
    )
    return answers.every(({ status }) => status === 200)
  }
  await eventually('the gateways leave it out', settled)
  for (let round = 0; round < 5; round++) t.ok(await settled())
})
