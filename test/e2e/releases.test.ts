import t, { type Test } from 'tap'
import { asList } from '../support/api-client.ts'
import { unpackEarlierRelease } from '../support/earlier-release.ts'
import { eventually } from '../support/eventually.ts'
import { ROOT } from '../support/service.ts'
import { connectSocket } from '../support/socket-client.ts'
import { type Stack, startStack } from '../support/stack.ts'

// Real services of the release that was kept, beside those of this one.

t.setTimeout(300_000)

const { root, name } = await unpackEarlierRelease(t)

/** Requests, sockets of both transports, their events, and a revocation that ends both. */
async function converse(t: Test, stack: Stack, url = stack.url): Promise<void> {
  const { clientKey } = stack.keys
  const [ann, bob] = [await stack.createUser('ann'), await stack.createUser('bob')]
  const asAnn = stack.as(ann.token, url)
  const room = String(
    (await asAnn.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: bob.id }))._id,
  )
  const sockets = []
  for (const transport of ['websocket', 'polling'] as const) {
    const socket = connectSocket(t, 4, url, { transports: [transport], reconnection: false })
    await socket.connected
    t.match(
      await socket.ask('auth2', bob.token, { CLIENT_KEY: clientKey, Authorization: bob.token }),
      { RC: 0 },
      transport,
    )
    sockets.push(socket)
  }
  const sent = await asAnn.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: 'hello' })
  await Promise.all(
    sockets.map((socket) => socket.next('chat message', (payload) => Object(payload)._id === sent._id)),
  )
  t.match(await sockets[0]?.ask('chat message', { room, messageType: 'text', message: 'hello, too' }), {
    RC: 0,
  })
  t.equal(asList((await asAnn.ok('GET', `/rooms/${room}/messages/v3?limit=10`)).data).length, 2)
  t.equal((await stack.as('a-wrong-token', url).call('GET', '/me')).status, 401)

  await stack.platform.ok('DELETE', `/admin/clients/${bob.id}/token`)
  t.equal((await stack.as(bob.token, stack.url).call('GET', '/me')).status, 401)
  await Promise.all(sockets.map((socket) => socket.disconnected))
}

t.test(`an earlier gateway before this core (${name})`, async (t) => {
  await converse(t, await startStack(t, { roots: { gateway: root } }))
})

t.test(`this gateway before an earlier core (${name})`, async (t) => {
  await converse(t, await startStack(t, { roots: { core: root } }))
})

t.test(
  'an upgrade, process after process: nobody is refused, and the old go on until they stop',
  async (t) => {
    const stack = await startStack(t, {
      database: 'postgres',
      redis: true,
      roots: { core: root, gateway: root },
    })
    const { api, id } = await stack.createUser('ann')
    const room = String((await api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: id }))._id)
    const statuses = new Set<number>()
    let asked = 0
    let isOver = false
    const sends = (async () => {
      while (!isOver) {
        const body = { messageType: 'text', message: `${asked}`, clientMessageID: `id-${asked}` }
        const answers = await Promise.all([
          api.call('POST', `/rooms/${room}/message`, body),
          api.call('GET', '/rooms'),
        ])
        for (const { status } of answers) statuses.add(status)
        asked += 1
      }
    })()
    // The first core of the release brings the database forward, under the feet of the old one.
    const core = await stack.addCore({}, ROOT)
    const before = asked
    await eventually('the old ones go on', () => asked > before + 10, 30_000)
    const [oldCore, oldGateway] = [stack.cores[0], stack.gateways[0]]
    const both = [oldCore?.url, core.url].join(',')
    const gateway = await stack.addGateway({ CORE_URLS: both, CORE_INTERNAL_URL: core.internalUrl }, [], ROOT)
    const through = stack.as(api.headers['IM-Authorization'] ?? '', gateway.url)
    for (let i = 0; i < 10; i++) t.equal((await through.call('GET', '/me')).status, 200)
    isOver = true
    await sends
    t.same([...statuses], [200])
    await oldCore?.stop()
    await eventually(
      'the new gateway leaves the old core',
      async () => (await through.call('GET', '/me')).status === 200,
    )
    const { data } = await through.ok('GET', `/rooms/${room}/messages/v3?limit=1`)
    t.match(asList(data), [{ seq: asked }], 'what the old ones acknowledged is there')
    await oldGateway?.stop()
  },
)
