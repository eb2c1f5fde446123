import { once } from 'node:events'
import { request } from 'node:http'
import { Registry } from 'prom-client'
import t from 'tap'
import { buildAdminServer } from '../../../gateway/http/admin-server.ts'
import { createLog } from '../../../gateway/observe/log.ts'

async function start(t: { teardown(end: () => Promise<void>): unknown }) {
  const server = buildAdminServer({
    registry: new Registry(),
    upstreams: () => [],
    unreadiness: () => undefined,
    clock: Date.now,
    hosts: ['gateway-1.internal'],
    log: createLog('silent'),
  })
  t.teardown(() => server.close())
  const address = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, port: Number(new URL(address).port) }
}

/** @returns the status of an upgrade, 101 or not */
async function upgrade(port: number, headers: Record<string, string>): Promise<number | undefined> {
  const asked = request({
    port,
    path: '/console/feed',
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      ...headers,
    },
  }).end()
  const status = await Promise.race([
    once(asked, 'upgrade').then(() => 101),
    once(asked, 'response').then(([response]) => response.statusCode),
  ])
  asked.destroy()
  return status
}

t.test('the page comes with a policy that lets in nothing from elsewhere', async (t) => {
  const { server } = await start(t)
  for (const url of ['/console/', '/console/console.js', '/console/uPlot.esm.js', '/console/uPlot.min.css']) {
    const { statusCode, headers } = await server.inject({ url, headers: { host: 'localhost:8081' } })
    t.equal(statusCode, 200, url)
    t.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self';/)
    t.notMatch(headers['content-security-policy'], /unsafe|https?:|\*/)
    t.match(headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  }
  for (const url of [
    '/console/../console.ts',
    '/console/%2e%2e/console.ts',
    '/console/uPlot.d.ts',
    '/console/none',
  ])
    t.equal((await server.inject({ url, headers: { host: 'localhost' } })).statusCode, 404, url)
  t.match(await server.inject({ url: '/', headers: { host: 'localhost' } }), {
    statusCode: 302,
    headers: { location: '/console/' },
  })
})

t.test('a name that somebody had resolve to this machine is refused', async (t) => {
  const { server, port } = await start(t)
  for (const [host, status] of [
    ['localhost:8081', 200],
    ['127.0.0.1:8081', 200],
    ['[::1]:8081', 200],
    ['gateway-1.internal:8081', 200],
    ['evil.example:8081', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
  ] as const)
    t.equal((await server.inject({ url: '/console/', headers: { host } })).statusCode, status, host)
  const rebound = { host: 'evil.example', origin: 'http://evil.example' }
  t.equal(await upgrade(port, rebound), 403)
  t.equal(
    (await server.inject({ url: '/livez', headers: { host: 'evil.example' } })).statusCode,
    200,
    'probes call it by any name',
  )
})

t.test('the feed is for the page beside it', async (t) => {
  const { port } = await start(t)
  const host = `127.0.0.1:${port}`
  t.equal(await upgrade(port, { host, origin: `http://${host}` }), 101)
  for (const origin of ['https://evil.example', 'http://127.0.0.1:1', 'null', ''])
    t.equal(await upgrade(port, { host, origin }), 403, origin)
  t.equal(await upgrade(port, { host }), 403, 'no page at all')
})
