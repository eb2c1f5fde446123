import { Agent, request } from 'node:http'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { GOOD } from '../support/gateway.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { openRaw, requestText } from '../support/raw-http.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { okAnswer, startRecordingUpstream } from '../support/recording-upstream.ts'

const HEADERS = Object.fromEntries(GOOD.map((field) => field.split(': ') as [string, string]))
const CLIENTS = 12

type Asked = { status: number; closes: boolean } | { failed: string }

function ask(url: string, agent: Agent): Promise<Asked> {
  return new Promise((resolve) => {
    const asked = request(`${url}/me`, { agent, headers: HEADERS }, (response) => {
      response.resume()
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, closes: response.headers.connection === 'close' }),
      )
      response.once('error', (error) => resolve({ failed: String(error) }))
    })
    asked.once('error', (error: NodeJS.ErrnoException) => resolve({ failed: error.code ?? String(error) }))
    asked.end()
  })
}

t.test(
  'SIGTERM under load fails no request of clients that go elsewhere when they are not let in',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    upstream.answerWith(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20))
      return okAnswer()
    })
    const gateway = await startGatewayProcess(t, upstream, { DRAIN_WINDOW_MS: '1500' })
    let answered = 0
    let toldToClose = 0
    const failures: string[] = []
    const client = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      t.teardown(() => agent.destroy())
      for (;;) {
        const asked = await ask(gateway.url, agent)
        if ('failed' in asked) {
          if (asked.failed !== 'ECONNREFUSED') failures.push(asked.failed)
          return
        }
        if (asked.status !== 200) failures.push(`${asked.status}`)
        answered++
        if (asked.closes) toldToClose++
      }
    }
    const clients = Promise.all(Array.from({ length: CLIENTS }, client))
    await eventually('load is under way', () => answered > 200)
    gateway.signal('SIGTERM')
    await clients
    t.same(failures, [])
    t.equal(toldToClose, CLIENTS, 'each was told on its last answer')
    t.equal(await gateway.ended, 0)
  },
)

t.test('not ready comes first; for the delay all is served as ever', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const gateway = await startGatewayProcess(t, upstream, { DRAIN_DELAY_MS: '1500', DRAIN_WINDOW_MS: '0' })
  const connection = await openRaw(gateway.url)
  t.teardown(() => connection.destroy())
  gateway.signal('SIGTERM')
  await gateway.logged('draining')
  const ready = await fetch(`${gateway.adminUrl}/readyz`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { reason: 'draining' })
  connection.write(requestText('GET /me HTTP/1.1', [...GOOD]))
  const answer = await connection.response()
  t.equal(answer.status, 200)
  t.not(answer.header('connection'), 'close')
  const late = await openRaw(gateway.url)
  late.write(requestText('GET /me HTTP/1.1', [...GOOD]))
  t.equal((await late.response()).status, 200, 'new connections too')
  late.destroy()
  t.equal(await gateway.ended, 0)
})

t.test('requests under way are finished, up to the timeout; what takes longer is cut', async (t) => {
  const upstream = await startRecordingUpstream(t)
  upstream.answerWith(async ({ target }) => {
    if (target === '/rooms/never') return 'hang'
    await new Promise((resolve) => setTimeout(resolve, 800))
    return okAnswer('late')
  })
  const times = { DRAIN_WINDOW_MS: '200', DRAIN_TIMEOUT_MS: '2000' }
  const gateway = await startGatewayProcess(t, upstream, times)
  const [late, never] = [await openRaw(gateway.url), await openRaw(gateway.url)]
  late.write(requestText('GET /rooms/late HTTP/1.1', [...GOOD]))
  never.write(requestText('GET /rooms/never HTTP/1.1', [...GOOD]))
  await eventually('both are under way', () => upstream.requests.length === 2)
  gateway.signal('SIGTERM')
  const answer = await late.response()
  t.equal(answer.status, 200)
  t.equal(answer.header('connection'), 'close')
  await late.untilClosed()
  t.equal((await never.untilClosed()).length, 0)
  t.equal(await gateway.ended, 0)
})

t.test('sockets are closed with 1001, spread over the window', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const gateway = await startGatewayProcess(t, upstream, { DRAIN_WINDOW_MS: '1500' })
  const sockets = []
  for (let i = 0; i < 20; i++) sockets.push(await openRawWebSocket(t, gateway.url))
  gateway.signal('SIGTERM')
  const closedAt = await Promise.all(
    sockets.map(async (socket) => {
      const { opcode, payload } = await socket.frame()
      t.equal(opcode, 8)
      t.equal(payload.readUInt16BE(), 1001)
      return Date.now()
    }),
  )
  t.ok(Math.max(...closedAt) - Math.min(...closedAt) > 700, 'not all at once')
  t.equal(await gateway.ended, 0)
})

t.test('SIGHUP and an edit of the file reload; a bad edit changes nothing', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const gateway = await startGatewayProcess(t, upstream, {}, { CORS_ORIGINS: 'https://a.example' })
  const originOf = async () =>
    (await fetch(`${gateway.url}/me`, { headers: { origin: 'https://b.example' } })).headers.get(
      'access-control-allow-origin',
    )
  t.equal(await originOf(), null)
  await gateway.writeSettings({ CORS_ORIGINS: 'nonsense' })
  gateway.signal('SIGHUP')
  await gateway.logged('reload-refused')
  t.equal(await originOf(), null)
  await gateway.writeSettings({ CORS_ORIGINS: 'https://b.example' })
  await eventually('the file was read', async () => (await originOf()) === 'https://b.example')
})
