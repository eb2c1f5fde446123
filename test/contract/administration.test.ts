import t from 'tap'
import { addDeliveries } from '../../core/store/webhooks.ts'
import { asList } from '../support/api-client.ts'
import { groupOf, onEachDatabase, startContractServer } from './server.ts'

const HOUR_MS = 3_600_000

onEachDatabase(t, async (t, server) => {
  t.test('a customer mutes a room for a client, and takes it back', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const path = `/admin/clients/ann/mute/${room}`
    t.match(await app.platform().ok('POST', path), { _id: 'ann', mute: [room] })
    t.match(await app.platform().ok('POST', path), { mute: [room] })
    t.match(await app.user('ann').ok('GET', `/rooms/${room}`), { muted: true })
    t.match(await app.platform().ok('DELETE', path), { _id: 'ann', mute: [] })
    t.match(await app.platform().ok('DELETE', path), { mute: [] }, 'twice is once')
    const nobody = { status: 404, code: 'CLIENT_NOT_FOUND' }
    t.match(await app.platform().call('POST', `/admin/clients/nobody/mute/${room}`), nobody)
    t.match(await app.platform().call('DELETE', `/admin/clients/nobody/mute/${room}`), nobody)
  })

  t.test('a client switches its notifications off and on', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    t.match(await ann.ok('GET', '/me'), { notificationEnabled: true })
    t.match(await ann.ok('POST', '/me/notification/disable'), { _id: 'ann', notificationEnabled: false })
    t.match(await ann.ok('GET', '/me'), { notificationEnabled: false })
    t.match(await ann.ok('POST', '/me/notification/enable'), { notificationEnabled: true })
  })

  t.test('the messages of an app are listed over all its rooms, newest first', async (t) => {
    const app = await server.newApp()
    const [first, second] = [await groupOf(app, 'ann', 'bob'), await groupOf(app, 'ann')]
    const times: number[] = []
    for (const [room, message] of [
      [first, '1'],
      [second, '2'],
      [first, '3'],
    ] as const) {
      const sent = await app.user('ann').ok('POST', `/rooms/${room}/message`, { message })
      times.push(Number(sent.messageTimeMS))
      server.advance(1_500)
    }
    const list = async (query: string) => {
      const answer = await app.platform().ok('GET', `/admin/messages?${query}`)
      return [answer.totalCount, ...asList(answer).map((message) => message.message)]
    }
    const at = (index: number) => encodeURIComponent(new Date(times[index] ?? 0).toISOString())
    t.same(await list(''), [3, '3', '2', '1'])
    t.same(await list('limit=1'), [3, '3'])
    t.same(await list(`startDate=${at(1)}`), [2, '3', '2'], 'from it on')
    t.same(await list(`endDate=${at(2)}`), [2, '2', '1'], 'before it')
    t.same(await list(`startDate=${at(1)}&endDate=${at(2)}`), [1, '2'])
    t.same(await list('startDate=2100-01-01T00:00:00Z'), [0])
    t.same(await list('startDate=0001-01-01T00:00:00Z&endDate=9999-12-31T00:00:00Z'), [3, '3', '2', '1'])
    t.match(asList(await app.platform().ok('GET', '/admin/messages?limit=1')), [
      { room: first, sender: { _id: 'ann' }, messageType: 'text', createdAtMS: times[2] },
    ])
    t.match(await app.platform().call('GET', '/admin/messages?startDate=soon'), { code: 'INVALID_QUERY' })
  })

  t.test('the figures of the last hour have the contract’s names', async (t) => {
    const app = await server.newApp()
    await groupOf(app, 'old', 'older')
    server.advance(2 * HOUR_MS)
    const room = await groupOf(app, 'ann', 'bob')
    for (const message of ['1', '2']) await app.user('ann').ok('POST', `/rooms/${room}/message`, { message })
    server.sockets.set(app.app, 3)
    t.same(await app.platform().ok('GET', '/admin/connection-count'), { count: 3 })
    server.sockets.delete(app.app)
    t.same(await app.platform().ok('GET', '/admin/connection-count'), { count: 0 })
    const stats = await app.platform().ok('GET', '/admin/stats')
    t.match(stats, {
      clientKey: null,
      apiKey: null,
      clientId: app.app,
      userList: [],
      roomCount: 1,
      totalRoomCount: 2,
      messageCount: 2,
      peakConnectionCount: 3,
      newUserCount: 2,
      totalUserCount: 4,
      monthlyAcitiveUserCount: 0,
      totalMem: Number,
      freeMem: Number,
    })
    t.equal(Number(stats.endTime) - Number(stats.startTime), HOUR_MS)
    t.equal(stats.start, new Date(Number(stats.startTime)).toISOString())
    t.equal(stats.end, new Date(Number(stats.endTime)).toISOString())
    server.advance(2 * HOUR_MS)
    t.match(await app.platform().ok('GET', '/admin/stats'), { peakConnectionCount: 0, messageCount: 0 })
  })

  t.test('a customer sees who is connected, and cuts a socket', async (t) => {
    const app = await server.newApp()
    const other = await server.newApp()
    const connectedAtMs = Date.UTC(2030, 0, 1)
    server.liveSockets.set(app.app, [
      {
        id: 's1',
        node: 'n',
        kind: 'client',
        userId: 'ann',
        transport: 'websocket',
        connectedAtMs,
        credential: 'abc',
      },
      { id: 's2', node: 'n', kind: 'anonymous', transport: 'polling', connectedAtMs },
    ])
    const listed = await app.platform().ok('GET', '/admin/sockets?client=ann&before=x&limit=1')
    t.match(listed, { complete: true, data: [{ _id: 's2', client: null, connectedAtMS: connectedAtMs }] })
    t.match((await app.platform().ok('GET', '/admin/sockets')).data, [
      { _id: 's2', kind: 'anonymous', client: null, deviceId: null, credential: null },
      { _id: 's1', client: 'ann', transport: 'websocket', connectedAt: '2030-01-01T00:00:00.000Z' },
    ])
    t.same((await other.platform().ok('GET', '/admin/sockets')).data, [])
    const missing = { status: 404, code: 'SOCKET_NOT_FOUND' }
    t.match(await other.platform().call('DELETE', '/admin/sockets/s1'), missing, 'another app’s')
    t.match(await app.platform().call('DELETE', '/admin/sockets/s3'), missing)
    t.same(await app.platform().ok('DELETE', '/admin/sockets/s1'), {})
    t.match(await app.user('ann').call('GET', '/admin/sockets'), { status: 403 })
    t.match(await app.platform().call('GET', '/admin/sockets?limit=x'), {
      status: 400,
      code: 'INVALID_QUERY',
    })
  })

  t.test('a customer shuts a user out, and lets them in again', async (t) => {
    const app = await server.newApp()
    const other = await server.newApp()
    await app.platform().ok('POST', '/admin/clients', { _id: 'ann' })
    const state = async () => (await app.platform().ok('GET', '/admin/clients')).data
    t.match(await state(), [{ _id: 'ann', disabledAt: null }])
    const missing = { status: 404, code: 'CLIENT_NOT_FOUND' }
    t.match(await other.platform().call('POST', '/admin/clients/ann/disable'), missing)
    t.same(await app.platform().ok('POST', '/admin/clients/ann/disable'), {})
    t.match(await state(), [{ _id: 'ann', disabledAt: String }])
    t.same(await app.platform().ok('POST', '/admin/clients/ann/enable'), {})
    t.match(await state(), [{ _id: 'ann', disabledAt: null }])
    t.match(await app.platform().call('POST', '/admin/clients/nobody/enable'), missing)
  })

  t.test('the tokens of one user', async (t) => {
    const app = await server.newApp()
    for (const id of ['ann', 'ben'])
      await app.platform().ok('POST', '/admin/clients', { _id: id, token: `secret-of-${id}` })
    t.match(await app.platform().ok('GET', '/auths/tokens?client=ben'), {
      totalCount: 1,
      data: [{ client: 'ben' }],
    })
  })

  t.test('what webhooks still wait for is listed, oldest first', async (t) => {
    const app = await server.newApp()
    const other = await server.newApp()
    t.same(await app.platform().ok('GET', '/admin/webhooks/deliveries'), { data: [] })
    const delivery = { app: app.app, roomId: 'r', target: 'app', event: 'MESSAGE', body: '{}' } as const
    const at = new Date()
    const deliveries = ['e1', 'e2', 'e3'].map((eventId) => ({ ...delivery, eventId }))
    await server.chat.db.transaction((tx) =>
      addDeliveries(tx, deliveries, at, new Date(at.getTime() + HOUR_MS)),
    )
    const { data } = await app.platform().ok('GET', '/admin/webhooks/deliveries?limit=2')
    t.match(data, [
      { eventID: 'e1', event: 'MESSAGE', room: 'r', attempts: 0, reason: null },
      { eventID: 'e2' },
    ])
    const after = asList(data)[1]?.id
    t.match((await app.platform().ok('GET', `/admin/webhooks/deliveries?after=${after}`)).data, [
      { eventID: 'e3' },
    ])
    t.same((await other.platform().ok('GET', '/admin/webhooks/deliveries')).data, [])
  })

  t.test('an empty token is a slip, and revokes nothing', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    await platform.ok('POST', '/admin/clients', { _id: 'ann', token: 'secret-of-ann' })
    for (const token of ['', null, 'undefined', 'null'])
      t.match(await platform.call('DELETE', '/admin/clients/ann/token', { token }), { status: 400 })
    t.match(await platform.ok('GET', '/auths/tokens'), { totalCount: 1 })
    t.match(await platform.ok('DELETE', '/admin/clients/ann/token', {}), { data: { length: 1 } })
  })
})

t.test(
  'a client key alone signs anyone in where the deployment is a sandbox, and nowhere else',
  async (t) => {
    for (const sandbox of [false, true]) {
      const server = await startContractServer(t, 'pglite', { sandbox })
      const app = await server.newApp()
      const visitor = server.as({ kind: 'anonymous', app: app.app })
      for (const path of ['/auths/sign', '/auths/sign/v2']) {
        const answer = await visitor.call('POST', path, { id: 'ann' })
        t.equal(answer.status, sandbox ? 200 : 401, answer.text)
        t.match(await app.user('ann').call('POST', path, { id: 'bob' }), { status: 403 })
        t.match(await server.as({ kind: 'anonymous', app: undefined }).call('POST', path, { id: 'ann' }), {
          status: 401,
          code: 'UNAUTHORIZED',
        })
      }
      if (sandbox) t.match(await app.platform().ok('GET', '/auths/tokens'), { data: [{ client: 'ann' }] })
      t.match(await visitor.call('GET', '/me'), { status: 401 })
    }
  },
)
