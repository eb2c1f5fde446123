import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import {
  createIntrospectionClient,
  DEFAULT_INTROSPECTION_LIMITS,
  type IntrospectionLimits,
} from '../../../gateway/authn/introspection.ts'
import { startCoreStandIn } from './core-stand-in.ts'

const digest = credentialDigest('client-token', 'shop', 'secret')

type Scope = { teardown(end: () => unknown): unknown }

function createClient(t: Scope, url: string, limits: Partial<IntrospectionLimits> = {}) {
  const client = createIntrospectionClient(url, { ...DEFAULT_INTROSPECTION_LIMITS, ...limits })
  t.teardown(() => client.close())
  return client
}

t.test('it asks by kind and digest, and takes both answers', async (t) => {
  const core = await startCoreStandIn(t)
  const client = createClient(t, core.url)
  t.same(await client.introspect('client-token', digest), { active: false, position: 0, unknown: true })
  core.store.revokeToken('shop', 'secret')
  t.same(await client.introspect('client-token', digest), { active: false, position: 1 })
  core.store.bind('shop', 'secret', 'ada')
  const answer = await client.introspect('client-token', digest)
  t.same(answer.active && answer.grant, {
    kind: 'client-token',
    app: 'shop',
    userId: 'ada',
    expiresAtMs: undefined,
  })
  t.same(core.introspections[0], { kind: 'client-token', digest })
})

t.test('every status but 200 throws, whatever the body says', async (t) => {
  const core = await startCoreStandIn(t)
  const client = createClient(t, core.url)
  for (const status of [201, 204, 301, 400, 401, 403, 404, 429, 500, 503]) {
    core.introspection = () => ({ status, body: { active: false, position: 0 } })
    await t.rejects(client.introspect('client-token', digest), /answered/, `${status}`)
  }
})

t.test('a body that is not what it should be throws', async (t) => {
  const core = await startCoreStandIn(t)
  const client = createClient(t, core.url)
  for (const raw of ['', 'no', '{}', '[]', '{"active":false}', `"${'x'.repeat(500_000)}"`]) {
    core.introspection = () => ({ raw })
    await t.rejects(client.introspect('client-token', digest), raw.slice(0, 20))
  }
})

t.test('a core that does not answer in time throws', async (t) => {
  const core = await startCoreStandIn(t)
  core.beforeAnswer = () => new Promise(() => {})
  await t.rejects(createClient(t, core.url, { totalMs: 50 }).introspect('client-token', digest))
})

t.test('a core that is not there throws', async (t) => {
  const core = await startCoreStandIn(t)
  await core.stop()
  await t.rejects(createClient(t, core.url).introspect('client-token', digest), { code: 'ECONNREFUSED' })
})

t.test('an idle connection that the core closed is no failure', async (t) => {
  const url = await startSocketServer(t, (socket, nth) => {
    // The first connection answers once and is closed as the second question arrives.
    let questions = 0
    socket.on('data', () => {
      questions += 1
      if (nth === 1 && questions === 2) socket.destroy()
      else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{"active":false,"position":7}`)
    })
  })
  const client = createClient(t, url)
  t.equal((await client.introspect('client-token', digest)).position, 7)
  t.equal((await client.introspect('client-token', digest)).position, 7)
})

t.test('a path in front of the internal API is kept', async (t) => {
  let head = ''
  const url = await startSocketServer(t, (socket) => {
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1')
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{"active":false,"position":7}`)
    })
  })
  await createClient(t, `${url}/internal/`).introspect('client-token', digest)
  t.match(head, /^POST \/internal\/introspect HTTP/)
})

t.test('changes are asked for by position, and cut by the signal', async (t) => {
  const core = await startCoreStandIn(t)
  const client = createClient(t, core.url)
  core.store.addApp('shop')
  core.store.bind('shop', 'secret', 'ada')
  const { position, changes } = await client.changesAfter(1, 0, new AbortController().signal)
  t.equal(position, 2)
  t.equal(changes.length, 1)
  const cut = new AbortController()
  const polling = client.changesAfter(2, 30_000, cut.signal)
  cut.abort()
  await t.rejects(polling)
})

async function startSocketServer(t: Scope, serve: (socket: Socket, nth: number) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket, sockets.size)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}
