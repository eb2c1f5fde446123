import t from 'tap'
import { pathClass } from '../../../gateway/observe/audit.ts'
import { eventually } from '../../support/eventually.ts'
import { GOOD, PLATFORM, startGateway, type TestGateway } from '../../support/gateway.ts'
import { requestText, sendRaw } from '../../support/raw-http.ts'
import { openRawWebSocket } from '../../support/raw-websocket.ts'

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

t.test('a flood of refusals does not fill the log', async (t) => {
  const gateway = await startGateway(t)
  for (let i = 0; i < 700; i++)
    await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', ['API_KEY: a', 'API_KEY: b']))
  t.equal(audited(gateway).length, 600)
  t.match(await gateway.metrics(), /gateway_refusals_total\{code="CONFLICTING_CREDENTIALS"\} 700/)
})

t.test('the class of a path has no ids', async (t) => {
  t.equal(pathClass('/rooms/rooms-1/members/ada'), '/rooms/*/members/*')
  t.equal(pathClass('/me/mute/hello'), '/me/mute/*')
  t.equal(pathClass('/socket.io/'), '/socket.io/')
  t.equal(pathClass(undefined), undefined)
})
