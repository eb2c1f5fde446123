import { randomBytes } from 'node:crypto'
import t from 'tap'
import { type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

t.setTimeout(240_000)

const OURS = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
const TRACEPARENT = `00-${OURS.traceId}-${OURS.spanId}-01`

/** The chain from a span up to its trace's first, as `service: name`. */
function above(spans: readonly ReceivedSpan[], span: ReceivedSpan | undefined): string[] {
  if (span === undefined) return []
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)
  return [`${span.service}: ${span.name}`, ...above(spans, parent)]
}

t.test('a request can be followed from gateway to core to database, a socket’s events too', async (t) => {
  const receiver = await startOtlpReceiver(t)
  const collectorKey = randomBytes(12).toString('hex')
  const tracing = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: `x-collector-key=${collectorKey}`,
    LOG_LEVEL: 'trace',
  }
  const stack = await startStack(t, {
    gatewayEnv: { ...tracing, OTEL_SERVICE_NAME: 'edge', TRUSTED_PROXIES: '127.0.0.1' },
    coreEnv: tracing,
  })
  const { clientKey, platformKey } = stack.keys
  const { token, api } = await stack.createUser('ann')
  const room = await api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: 'traced' })

  // From a stranger, and from a proxy that is trusted.
  await api.call('GET', '/me', undefined, { headers: { traceparent: TRACEPARENT } })
  const believed = await api.call('GET', '/rooms', undefined, {
    headers: { traceparent: TRACEPARENT, tracestate: 'them=1', 'x-forwarded-for': '203.0.113.7' },
  })
  const refused = await stack
    .client({ 'IM-Client-Key': clientKey, 'IM-Authorization': 'a-wrong-token' })
    .call('GET', '/me')
  const missing = await api.call('GET', '/rooms/not-there-at-all/messages/v3')
  t.equal(refused.status, 401)

  const socket = connectSocket(t, 4, stack.url, { transports: ['websocket'] })
  await socket.connected
  t.match(await socket.ask('auth2', token, { CLIENT_KEY: clientKey, Authorization: token }), { RC: 0 })
  const said = { room: room._id, messageType: 'text', message: 'hello over a socket' }
  t.match(await socket.ask('chat message', said), { RC: 0 })
  t.match(await socket.ask('auth2', 'x', { CLIENT_KEY: clientKey, Authorization: 'a-wrong-token' }), {
    RC: 401,
  })
  socket.close()

  // What is left is sent when they stop.
  for (const service of [...stack.gateways, ...stack.cores]) await service.stop()
  const spans = receiver.spans()
  const named = (service: string, name: string) =>
    spans.filter((span) => span.service === service && span.name === name)

  const [stranger, proxied] = [named('edge', 'GET /me')[0], named('edge', 'GET /rooms')[0]]
  t.not(stranger?.traceId, OURS.traceId, 'a stranger does not choose the id of a trace')
  t.equal(stranger?.parentSpanId ?? '', '')
  t.match(stranger?.links, [OURS], 'it is linked')
  t.match(proxied, { traceId: OURS.traceId, parentSpanId: OURS.spanId, links: [] })
  t.equal(proxied?.attributes['im.request_id'], believed.headers['x-request-id'])

  for (const route of ['/me', '/rooms']) {
    const [atCore] = named('imkit-core', `GET ${route}`)
    t.same(above(spans, atCore), [`imkit-core: GET ${route}`, 'edge: core', `edge: GET ${route}`])
    const statements = spans.filter(({ parentSpanId, kind }) => parentSpanId === atCore?.spanId && kind === 3)
    t.ok(statements.length > 0, `${route} asks the database`)
    t.ok(statements.every(({ attributes }) => attributes['db.system.name'] === 'postgresql'))
  }
  const lookups = named('imkit-core', 'POST /introspect').map((span) => above(spans, span))
  t.ok(
    lookups.some(([, asked, by]) => asked === 'edge: POST /introspect' && by?.startsWith('edge: ')),
    'a lookup belongs to the request that needed it',
  )

  const bad = spans.find(({ attributes }) => attributes['error.type'] === 'INVALID_TOKEN')
  t.match(bad, { name: 'GET /me', failed: false, attributes: { 'http.response.status_code': 401 } })
  t.ok(
    spans.some(
      ({ service, attributes }) =>
        service === 'imkit-core' && attributes['http.response.status_code'] === missing.status,
    ),
  )

  const [upgrade] = named('edge', 'GET /socket.io/')
  t.match(upgrade, { attributes: { 'http.response.status_code': 101 } })
  const [auth] = named('imkit-core', 'socket auth2')
  t.same(above(spans, auth), ['imkit-core: socket auth2', 'edge: socket auth2'])
  t.match(auth?.links, [{ traceId: upgrade?.traceId }], 'and where the socket began')
  const [message] = named('imkit-core', 'socket chat message')
  t.match(message?.links, [{ traceId: upgrade?.traceId }])
  const inserted = spans.filter(
    ({ traceId, attributes }) => traceId === message?.traceId && attributes['db.system.name'] !== undefined,
  )
  t.ok(inserted.length > 0, 'a message’s statements are its own')
  t.ok(
    named('edge', 'socket auth2').some(({ failed }) => failed),
    'a refused auth event is told',
  )

  const raw = receiver.raw()
  t.match(raw, collectorKey, 'the collector’s key is sent to it')
  const everything = raw.replaceAll(collectorKey, '')
  const secrets = [token, clientKey, platformKey, 'a-wrong-token', stack.identityKeys.split(':')[1] ?? '']
  for (const secret of [...secrets, 'hello over a socket', String(room._id)])
    t.notOk(everything.includes(secret), `spans hold ${secret.slice(0, 12)}…`)
  t.notMatch(stack.logs(), collectorKey)
})
