/**
 * A secret that is written anywhere is a secret no longer. Each is planted in every place where a caller can put one,
 * on success, refusal, parse error, failed upstream, and on the upgrade and polling paths; then every sink is searched:
 * log, metrics, every answer, and every byte that the core received. Precedent: Traefik GHSA-h2ph-vhm7-g4hp.
 */
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { openRaw, requestText } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'
import type { Answer, RecordedRequest } from '../support/recording-upstream.ts'

const secret = (name: string): string => `${name}-${randomBytes(12).toString('hex')}`

async function start(t: Test) {
  const secrets = {
    key: secret('client-key'),
    token: secret('token'),
    platform: secret('platform-key'),
    wrong: secret('wrong'),
  }
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '100000', LOG_LEVEL: 'trace' } })
  gateway.store.addKey('client-key', 'demo', secrets.key)
  gateway.store.addKey('platform-key', 'demo', secrets.platform)
  gateway.store.bind('demo', secrets.token, 'ada')
  gateway.core.push()
  const answers: string[] = []
  return {
    gateway,
    secrets,
    async send(bytes: string, wait: 'answer' | 'end' = 'answer') {
      const client = await openRaw(gateway.publicUrl)
      client.write(bytes)
      if (wait === 'answer') await client.response().catch(() => undefined)
      else await client.untilClosed()
      answers.push(client.received().toString('latin1'))
      client.destroy()
    },
    async search(t: Test) {
      const received = gateway.upstream.connections.map((connection) =>
        connection.received().toString('latin1'),
      )
      const sinks = {
        log: gateway.log(),
        metrics: await gateway.metrics(),
        answers: answers.join(),
        core: received.join(),
      }
      t.match(sinks.metrics, 'gateway_refusals_total')
      for (const [sink, text] of Object.entries(sinks))
        for (const [name, value] of Object.entries(secrets))
          t.notOk(text.includes(value), `${name} in ${sink}`)
    },
  }
}

type Secrets = Awaited<ReturnType<typeof start>>['secrets']

/** Every header set that a caller could come with: good, bad, of the wrong kind, twice, in all spellings. */
const headerSets = ({ key, token, platform, wrong }: Secrets): string[][] => [
  [`IM-Client-Key: ${key}`, `IM-Authorization: ${token}`],
  [`CLIENT_KEY: ${key}`, `Authorization: Bearer ${token}`],
  [`IM-API-KEY: ${platform}`],
  [`api.key: ${platform}`, `IM-Client-ID: x`],
  [`IM-Client-Key: ${key}`, `IM-Authorization: ${wrong}`],
  [`IM-Client-Key: ${wrong}`, `IM-Authorization: ${token}`],
  [`IM-API-KEY: ${wrong}`, `IM-Client-Key: ${key}`, `IM-Authorization: ${token}`],
  [`IM-Client-Key: ${key}`, `CLIENT_KEY: ${wrong}`],
  [`IM-API-KEY: ${platform}`, 'Origin: https://x.example'],
  [`Connection: close, IM-Authorization`, `IM-Client-Key: ${key}`, `IM-Authorization: ${token}`],
]

t.test('on requests that succeed, are refused, or cannot be read', async (t) => {
  const { secrets, send, search } = await start(t)
  const { key, token } = secrets
  for (const fields of headerSets(secrets))
    for (const line of ['GET /me', 'POST /admin/clients', 'GET /rooms//x', 'OPTIONS /me', 'TRACE /me'])
      await send(requestText(`${line} HTTP/1.1`, [...fields, 'Content-Length: 0']))
  const fields = [`IM-Client-Key: ${key}`, `IM-Authorization: ${token}`]
  for (const broken of [
    requestText('GET /me HTTP/1.1', [...fields, 'Bad Name: x']),
    requestText('GET /me HTTP/1.1', [...fields, 'Content-Length: 1', 'Content-Length: 2']),
    requestText('GET /me HTTP/1.1', [...fields, `X: ${'x'.repeat(20_000)}`]),
    requestText('GET /me HTTP/1.1', [...fields, ...Array.from({ length: 150 }, (_, i) => `X-${i}: 1`)]),
    requestText('POST /me HTTP/1.1', [...fields, 'Transfer-Encoding: chunked'], 'zz\r\n'),
    requestText('POST /me HTTP/1.1', [...fields, 'Expect: 200-maybe']),
    `GET /me HTTP/1.1\nIM-Authorization: ${token}\n\n`,
    `HACK /me HTTP/1.1\r\nIM-Authorization: ${token}\r\n\r\n`,
    `CONNECT ${token}:443 HTTP/1.1\r\nHost: x\r\n\r\n`,
  ])
    await send(broken)
  await search(t)
})

t.test('where the core fails in any way', async (t) => {
  const { gateway, secrets, send, search } = await start(t)
  const failures: ((request: RecordedRequest) => Answer)[] = [
    () => 'reset',
    () => 'not HTTP at all\r\n\r\n',
    () => 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    () => 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    () => `HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n`,
  ]
  for (const failure of failures) {
    gateway.upstream.answerWith(failure)
    for (const fields of headerSets(secrets).slice(0, 3)) {
      await send(requestText('GET /me HTTP/1.1', fields))
      await send(requestText('POST /rooms/r/message HTTP/1.1', [...fields, 'Content-Length: 2'], '{}'))
    }
  }
  gateway.core.introspection = () => ({ status: 500, body: {} })
  await send(
    requestText('GET /me HTTP/1.1', [
      `IM-Client-Key: ${secrets.wrong}`,
      `IM-Authorization: ${secrets.wrong}`,
    ]),
  )
  t.match(gateway.log(), 'BAD_UPSTREAM')
  await search(t)
})

t.test('on upgrades, in events, and in polling', async (t) => {
  const { gateway, secrets, send, search } = await start(t)
  const { key, token, platform, wrong } = secrets
  const target = '/socket.io/?EIO=4&transport'
  for (const fields of headerSets(secrets)) {
    const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
    socket.connection.destroy()
    await send(
      requestText(`GET ${target}=websocket HTTP/1.1`, [...fields, 'Connection: Upgrade', 'Upgrade: h2c']),
    )
    await send(requestText(`GET ${target}=polling HTTP/1.1`, fields))
  }
  const packets = [
    `421["auth2","${token}",{"CLIENT_KEY":"${key}","Authorization":"${token}"}]`,
    `422["auth2","${wrong}",{"CLIENT_KEY":"${key}"}]`,
    `423["auth","${wrong}"]`,
    `424["auth2",null,{"IM-API-KEY":"${platform}"}]`,
    `425["auth2",{"token":"${token}"}]`,
    `40{"token":"${token}","IM-Client-Key":"${key}"}`,
    `40/admin,{"token":"${token}"}`,
  ]
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  for (const packet of packets) socket.connection.write(frameBytes(packet))
  socket.connection.write(frameBytes(`42/x,["auth","${token}"]`))
  await socket.connection.untilClosed()
  for (const packet of [...packets, `42/x,["auth","${token}"]`])
    await send(
      requestText(
        `POST ${target}=polling&sid=n.s HTTP/1.1`,
        [`Content-Length: ${Buffer.byteLength(packet)}`],
        packet,
      ),
    )
  gateway.upstream.answerWith(() => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
  for (const fields of headerSets(secrets).slice(0, 3)) await openRawWebSocket(t, gateway.publicUrl, fields)
  await search(t)
})
