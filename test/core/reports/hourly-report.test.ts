import t from 'tap'
import { createHourlyReport } from '../../../core/reports/hourly-report.ts'
import { startContractServer } from '../../contract/server.ts'
import { startReceiver } from '../outbox/receiver.ts'

const HOUR_MS = 3_600_000
const CHECK_MS = 3_600_000

t.test('each app’s usage is posted once an hour, by one of the cores', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const [one, other] = [await server.newApp(), await server.newApp()]
  const receiver = await startReceiver(t)
  const url = `${receiver.url}/report`
  const cores = [1, 2].map(() => createHourlyReport({ url, chat: server.chat, checkMs: CHECK_MS }))
  t.teardown(() => Promise.all(cores.map((core) => core.close())))
  const run = () => Promise.all(cores.map((core) => core.run()))
  await run()
  t.equal(receiver.received.length, 0, 'the hour is not over')
  await one.user('ann').ok('POST', '/rooms/createAndJoin', { _id: 'room' })
  await one.user('ann').ok('POST', '/rooms/room/message', { message: 'x' })
  server.advance(HOUR_MS)
  await run()
  await run()
  t.equal(receiver.received.length, 2)
  t.match(receiver.received, [
    { method: 'POST', path: '/report', headers: { 'content-type': 'application/json' } },
    {},
  ])
  const of = (app: string) => receiver.received.find(({ body }) => body.clientId === app)?.body ?? {}
  t.match(of(one.app), {
    apiKey: null,
    messageCount: 1,
    totalRoomCount: 1,
    userList: [],
  })
  t.match(of(other.app), { messageCount: 0, totalUserCount: 0 })
  const { startTime, endTime } = of(one.app)
  t.equal(Number(endTime) - Number(startTime), HOUR_MS)
  t.equal(Number(endTime) % HOUR_MS, 0, 'of a whole hour')
})

t.test('a report that is refused or goes nowhere harms nothing', async (t) => {
  const server = await startContractServer(t, 'pglite')
  await server.newApp()
  const receiver = await startReceiver(t, () => ({ status: 500 }))
  const report = createHourlyReport({ url: receiver.url, chat: server.chat, checkMs: CHECK_MS })
  t.teardown(() => report.close())
  server.advance(HOUR_MS)
  await report.run()
  t.equal(receiver.received.length, 1)
  server.advance(HOUR_MS)
  const lost = createHourlyReport({ url: 'http://127.0.0.1:1/', chat: server.chat, checkMs: CHECK_MS })
  t.teardown(() => lost.close())
  server.advance(HOUR_MS)
  await t.resolves(lost.run())
  await server.chat.db.close()
  server.advance(HOUR_MS)
  await t.resolves(report.run(), 'nor does a database that is gone')
})
