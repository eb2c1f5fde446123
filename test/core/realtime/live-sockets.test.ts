import t from 'tap'
import { createLog } from '../../../core/observe/log.ts'
import { createLiveSockets } from '../../../core/realtime/live-sockets.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis } from '../../support/redis.ts'
import { sign, user } from './identities.ts'
import { connect } from './sockets.ts'
import { startSockets, type TestCore } from './test-core.ts'

const log = createLog('silent')
const headerOf = (userId: string, app = 'shop') => sign(user(userId, { app, deviceId: `${userId}-phone` }))

const closed = (socket: { once(event: string, listener: () => void): unknown }) =>
  new Promise<void>((resolve) => socket.once('disconnect', resolve))

t.test('a core alone tells the sockets of an app, and cuts one', async (t) => {
  const core = await startSockets(t)
  const sockets = createLiveSockets({
    local: core.realtime.sockets,
    nodeId: 'node1',
    redisUrl: undefined,
    log,
  })
  t.teardown(sockets.close)
  const ann = await connect(t, core, { header: headerOf('ann') })
  const ben = await connect(t, core, { header: headerOf('ben'), transport: 'polling' })
  await connect(t, core, { header: headerOf('ann', 'other') })

  const { sockets: listed, isComplete } = await sockets.list('shop', { limit: 10 })
  t.ok(isComplete)
  t.match(listed, [
    { userId: 'ben', transport: 'polling', kind: 'client', deviceId: 'ben-phone', node: 'node1' },
    { userId: 'ann', transport: 'websocket' },
  ])
  const [bens, anns] = listed
  if (bens === undefined || anns === undefined) throw new Error('there are two')
  t.equal(bens.credential?.length, 8)
  const text = JSON.stringify(listed)
  for (const socket of [ann, ben]) t.notOk(text.includes(socket.io.engine.id), 'nothing that would open it')

  await t.test('a page at a time, or of one user', async (t) => {
    const first = await sockets.list('shop', { limit: 1 })
    t.same(first.sockets, [bens])
    t.same((await sockets.list('shop', { limit: 1, before: bens.id })).sockets, [anns])
    t.same((await sockets.list('shop', { limit: 9, userId: 'ann' })).sockets, [anns])
    t.same((await sockets.list('shop', { limit: 9, userId: 'nobody' })).sockets, [])
  })

  t.equal(await sockets.cut('other', anns.id), 'absent', 'another app cannot even name it')
  const gone = closed(ann)
  t.equal(await sockets.cut('shop', anns.id), 'cut')
  await gone
  t.equal(await sockets.cut('shop', anns.id), 'absent')
  t.same((await sockets.list('shop', { limit: 9 })).sockets, [bens])
})

t.test('cores with a Redis ask each other', async (t) => {
  const redis = await startRedis(t)
  const start = async (nodeId: string) => {
    const core = await startSockets(t, { nodeId })
    const parts = { local: core.realtime.sockets, nodeId, redisUrl: redis.url, log, timeoutMs: 300 }
    const sockets = createLiveSockets(parts)
    t.teardown(sockets.close)
    return { core, sockets }
  }
  const [one, two] = [await start('node1'), await start('node2')]
  await Promise.all(
    [one, two].map(({ sockets }) =>
      eventually('it hears the others', async () => (await sockets.list('shop', { limit: 1 })).isComplete),
    ),
  )
  const join = (core: TestCore, userId: string) => connect(t, core, { header: headerOf(userId) })
  await join(one.core, 'ann')
  const ben = await join(two.core, 'ben')
  await eventually('both are told, newest first', async () => {
    const { sockets } = await one.sockets.list('shop', { limit: 9 })
    return sockets.map(({ userId, node }) => `${userId} ${node}`).join() === 'ben node2,ann node1'
  })
  for (const { sockets } of [one, two])
    t.same(await sockets.connected('shop', ['ann', 'ben', 'eve']), {
      userIds: new Set(['ann', 'ben']),
      isComplete: true,
    })
  t.same((await one.sockets.connected('other', ['ann', 'ben'])).userIds, new Set(), 'of its app alone')
  const [bens] = (await one.sockets.list('shop', { userId: 'ben', limit: 9 })).sockets
  const gone = closed(ben)
  t.equal(await one.sockets.cut('shop', bens?.id ?? ''), 'cut', 'on the other core')
  await gone
  t.equal(await one.sockets.cut('shop', bens?.id ?? ''), 'absent')

  redis.pause()
  const { sockets, isComplete } = await one.sockets.list('shop', { limit: 9 })
  t.equal(isComplete, false, 'it says that others were not heard')
  t.equal(sockets.length, 1)
  t.equal(await one.sockets.cut('shop', bens?.id ?? ''), 'unknown')
  t.match(await one.sockets.connected('shop', ['ben']), { isComplete: false }, 'absent here, perhaps there')
  t.match(await one.sockets.connected('shop', ['ann']), { isComplete: true }, 'here is enough')
  redis.resume()
  await eventually(
    'and hears them again',
    async () => (await two.sockets.list('shop', { limit: 9 })).isComplete,
  )
})
