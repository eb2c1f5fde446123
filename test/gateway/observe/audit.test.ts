import { PassThrough } from 'node:stream'
import t from 'tap'
import { createAudit, pathClass } from '../../../gateway/observe/audit.ts'
import { createLog } from '../../../gateway/observe/log.ts'
import { REQUESTS } from '../../core/http/endpoint-requests.ts'
import { eventually } from '../../support/eventually.ts'
import { GOOD, PLATFORM, startGateway, type TestGateway } from '../../support/gateway.ts'
import { requestText, sendRaw } from '../../support/raw-http.ts'
import { openRawWebSocket } from '../../support/raw-websocket.ts'
import { answerText } from '../../support/recording-upstream.ts'

type Line = Record<string, unknown>

const audited = (gateway: TestGateway): Line[] =>
  gateway
    .log()
    .split('\n')
    .filter((line) => line.includes('"audit":true'))
    .map((line) => JSON.parse(line))

async function next(gateway: TestGateway, event: string): Promise<Line> {
  await eventually(`${event} is told`, () => audited(gateway).some((line) => line.event === event))
  return audited(gateway).find((line) => line.event === event) ?? {}
}

t.test(
  'what a platform key writes is told with who, where, what and how it ended; reading is not',
  async (t) => {
    const gateway = await startGateway(t)
    await sendRaw(gateway.publicUrl, requestText('GET /admin/clients HTTP/1.1', [...PLATFORM]))
    await sendRaw(gateway.publicUrl, requestText('DELETE /rooms/secret-room HTTP/1.1', [...GOOD]))
    t.same(audited(gateway), [])
    await sendRaw(
      gateway.publicUrl,
      requestText('DELETE /admin/clients/secret-user/token?x=secret HTTP/1.1', [
        ...PLATFORM,
        'IM-Client-ID: secret-user',
      ]),
    )
    const line = await next(gateway, 'platform-write')
    t.match(line, {
      method: 'DELETE',
      path: '/admin/clients/*/token',
      app: 'demo',
      address: '127.0.0.1',
      credential: /^.{8}$/,
      actsForUser: true,
      requestId: String,
      status: 200,
    })
    t.equal((await gateway.upstream.next()).method, 'GET')
    t.notMatch(JSON.stringify(audited(gateway)), /secret|apikey/)
  },
)

t.test('refusals that an operator should know of are told, by reason', async (t) => {
  const gateway = await startGateway(t)
  gateway.store.changeSettings('other', { platformSources: ['10.0.0.0/8'] })
  gateway.core.push()
  const refusals: Record<string, string[]> = {
    PLATFORM_KEY_FROM_BROWSER: [...PLATFORM, 'Origin: https://shop.example'],
    SOURCE_NOT_ALLOWED: ['IM-API-KEY: other_apikey'],
    CONFLICTING_CREDENTIALS: [...GOOD, 'CLIENT_KEY: other_clientkey'],
    INVALID_API_KEY: ['IM-API-KEY: guessed-secret'],
  }
  for (const [reason, fields] of Object.entries(refusals)) {
    await sendRaw(gateway.publicUrl, requestText('POST /rooms HTTP/1.1', [...fields, 'Content-Length: 0']))
    t.match(audited(gateway).at(-1), { event: 'refused', reason, method: 'POST', address: '127.0.0.1' })
    t.match(await gateway.metrics(), new RegExp(`gateway_refusals_total\\{code="${reason}"\\} 1`))
  }
  t.match(audited(gateway)[0], { origin: 'https://shop.example', path: '/rooms' })
  t.notMatch(gateway.log(), /guessed-secret|apikey|clientkey/)
})

t.test('forged identity fields are dropped, counted and told, on requests and upgrades', async (t) => {
  const gateway = await startGateway(t)
  const forged = ['IM-Identity: forged', 'im_identity_x: forged', 'IM-Node-Id: forged']
  await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD, ...forged]))
  await openRawWebSocket(t, gateway.publicUrl, forged.slice(0, 1))
  t.match(audited(gateway), [
    { event: 'forged', fields: 3, path: '/me' },
    { event: 'forged', fields: 1, path: '/socket.io/' },
  ])
  t.match(await gateway.metrics(), /gateway_forged_fields_total\{carrier="header"\} 4/)
  for (const { head } of gateway.upstream.requests) t.notMatch(head, /forged/)
})

t.test('a flood of refusals does not fill the log; how many were not told is', async (t) => {
  const lines: Line[] = []
  const sink = new PassThrough().on('data', (line) => lines.push(JSON.parse(String(line))))
  let nowMs = 60_000
  const audit = createAudit(createLog('info', sink), () => nowMs)
  const refuse = () =>
    audit.refused('CONFLICTING_CREDENTIALS', { method: 'GET', path: '/me', address: '::1' })
  for (let i = 0; i < 700; i++) refuse()
  await eventually('all are told', () => lines.length === 600)
  nowMs += 60_000
  refuse()
  await eventually('and the rest', () => lines.length === 602)
  t.match(lines.slice(600), [{ event: 'refusals-untold', count: 100 }, { event: 'refused' }])
})

t.test('every word of the API’s paths is told: what was done to keys and tokens can be read', async (t) => {
  t.equal(pathClass('/admin/app/keys/k-1/rotate'), '/admin/app/keys/*/rotate')
  for (const endpoint of Object.keys(REQUESTS)) {
    const path = endpoint.split(' ')[1] ?? ''
    t.equal(pathClass(path), path.replace(/:[^/]+/g, '*'), endpoint)
  }
})

t.test('keys and tokens that a customer’s server writes are told one by one, refused ones too', async (t) => {
  const gateway = await startGateway(t)
  const writes = ['POST /admin/app/keys', 'POST /admin/app/keys/k-1/rotate', 'DELETE /admin/app/keys/k-1']
  writes.push('PUT /admin/clients/ada/token', 'DELETE /admin/clients/ada/token')
  gateway.upstream.answerWith(({ method }) =>
    method === 'DELETE' ? 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n' : answerText(200, {}),
  )
  for (const write of writes)
    await sendRaw(gateway.publicUrl, requestText(`${write} HTTP/1.1`, [...PLATFORM, 'Content-Length: 0']))
  await eventually('all are told', () => audited(gateway).length === writes.length)
  t.match(
    audited(gateway),
    writes.map((write) => ({
      event: 'platform-write',
      method: write.split(' ')[0],
      status: write.startsWith('DELETE') ? 403 : 200,
    })),
  )
})

t.test('the class of a path has no ids', async (t) => {
  t.equal(pathClass('/rooms/rooms-1/members/ada'), '/rooms/*/members/*')
  t.equal(pathClass('/me/mute/hello'), '/me/mute/*')
  t.equal(pathClass('/socket.io/'), '/socket.io/')
  t.equal(pathClass(undefined), undefined)
})
