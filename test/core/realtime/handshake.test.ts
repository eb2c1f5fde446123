import { request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import t from 'tap'
import { anonymous, forge, platform, sign, user } from './identities.ts'
import { ask, connect, dial, heard, join } from './sockets.ts'
import { startSockets, type TestCore } from './test-core.ts'

type Answer = { status: number; body: string }

function poll(
  core: TestCore,
  query: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const options = { port: core.port, path: `/socket.io/?${query}`, headers, method: body ? 'POST' : 'GET' }
  request({ host: '127.0.0.1', ...options }, async (response) => {
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    resolve({ status: response.statusCode ?? 0, body: text })
  })
    .on('error', reject)
    .end(body)
  return promise
}

/** The raw answer to an upgrade, read until the end of its head or of the connection. */
function upgrade(core: TestCore, query: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(core.port, '127.0.0.1')
    const fields = {
      Host: 'core',
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET /socket.io/?${query} HTTP/1.1\r\n${lines.join('')}\r\n`)
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
      if (!text.includes('\r\n\r\n') || !text.startsWith('HTTP/1.1 101')) return
      socket.destroy()
      resolve(text)
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
    t.teardown(() => socket.destroy())
  })
}

async function openPolling(core: TestCore, header: string, eio = 4): Promise<string> {
  const { status, body } = await poll(core, `EIO=${eio}&transport=polling`, { 'im-identity': header })
  t.equal(status, 200)
  return JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)).sid
}

t.test('a deployment may say how many sockets a core has at most', async (t) => {
  const core = await startSockets(t, { limits: { maxConnections: 2 } })
  const header = sign(anonymous)
  const [sid] = [await openPolling(core, header), await openPolling(core, header)]
  const third = await poll(core, 'EIO=4&transport=polling', { 'im-identity': header })
  t.equal(third.status, 429)
  t.match(JSON.parse(third.body), { RC: 429, error: { code: 'TOO_MANY_REQUESTS' }, retryAfter: 1 })
  t.match(await upgrade(core, 'EIO=4&transport=websocket', { 'im-identity': header }), /^HTTP\/1\.1 429 /)
  const mine = `EIO=4&transport=polling&sid=${sid}`
  t.equal((await poll(core, mine, { 'im-identity': header }, '40')).status, 200, 'those that it has go on')
  t.equal((await poll(core, mine, { 'im-identity': header }, '1')).status, 200)
  await openPolling(core, header)
})

const bad: Record<string, Record<string, string>> = {
  'no identity': {},
  'an empty identity': { 'im-identity': '' },
  'a raw token': { 'im-identity': 'Bearer abc' },
  'a forged identity': { 'im-identity': forge(user('ann')) },
  'a stale identity': { 'im-identity': sign(user('ann'), Date.now() - 120_000) },
  'two identities in one line': { 'im-identity': `${sign(anonymous)}, ${sign(user('ann'))}` },
}

for (const [what, headers] of Object.entries(bad)) {
  t.test(`a handshake with ${what} is refused with 401 on every transport`, async (t) => {
    const core = await startSockets(t)
    for (const eio of [3, 4]) {
      const polled = await poll(core, `EIO=${eio}&transport=polling`, headers)
      t.equal(polled.status, 401)
      t.match(JSON.parse(polled.body), { RC: 401, error: { code: 'UNAUTHORIZED' } })
      t.match(await upgrade(core, `EIO=${eio}&transport=websocket`, headers), /^HTTP\/1\.1 401 /)
    }
    t.equal(core.realtime.connectionCount(), 0)
  })
}

t.test('an anonymous handshake is accepted on every transport and of every generation', async (t) => {
  const core = await startSockets(t)
  for (const version of ['v2', 'v3', 'v4'] as const)
    for (const transport of ['websocket', 'polling'] as const)
      t.ok((await connect(t, core, { version, transport })).connected, `${version} ${transport}`)
  t.equal(core.realtime.connectionCount(), 6)
})

t.test('session ids begin with the node id, for gateways to route long-polling by', async (t) => {
  const core = await startSockets(t, { nodeId: 'core-7' })
  t.match(await openPolling(core, sign(anonymous)), /^core-7\.[A-Za-z0-9_-]{24}$/)
})

t.test('a session that was opened by somebody is theirs alone, on every transport', async (t) => {
  const core = await startSockets(t)
  const sid = await openPolling(core, sign(user('ann')))
  const query = `EIO=4&transport=polling&sid=${sid}`
  const strangers = {
    nobody: anonymous,
    'another user': user('bob'),
    'the same user id in another app': user('ann', { app: 'bank' }),
    'a platform key': platform(),
    'a platform key for the user': platform('ann'),
  }
  for (const [who, identity] of Object.entries(strangers)) {
    const headers = { 'im-identity': sign(identity) }
    t.equal((await poll(core, query, headers)).status, 403, `${who} reads`)
    t.equal((await poll(core, query, headers, '40')).status, 403, `${who} writes`)
    t.match(await upgrade(core, `EIO=4&transport=websocket&sid=${sid}`, headers), /^HTTP\/1\.1 403 /, who)
  }
  t.equal((await poll(core, query, {})).status, 401)
  const another = user('ann', { credentialId: 'a newer token of hers' })
  t.equal((await poll(core, query, { 'im-identity': sign(another) }, '40')).status, 200)
})

t.test('a session that an auth event gave to somebody is not anybody else’s', async (t) => {
  const core = await startSockets(t)
  const socket = await join(t, core, user('ann'), { transport: 'polling' })
  const query = `EIO=4&transport=polling&sid=${socket.io.engine.id}`
  const as = (identity: Parameters<typeof sign>[0]) =>
    poll(core, query, { 'im-identity': sign(identity) }, '6')
  t.equal((await as(user('bob'))).status, 403)
  t.equal((await as(platform())).status, 403)
  t.equal((await as({ kind: 'anonymous', app: 'bank' })).status, 403)
  t.equal((await as(user('ann'))).status, 200)
  t.equal((await as(anonymous)).status, 200)
})

t.test('a request that names two sessions is refused: nobody can tell which was checked', async (t) => {
  const core = await startSockets(t)
  const [one, other] = [await openPolling(core, sign(anonymous)), await openPolling(core, sign(user('ann')))]
  const query = `EIO=4&transport=polling&sid=${one}&sid=${other}`
  t.equal((await poll(core, query, { 'im-identity': sign(anonymous) }, '40')).status, 400)
})

t.test('an identity in the handshake’s header makes the socket that user’s at once', async (t) => {
  const core = await startSockets(t)
  core.chat.roomsOf.set('ann', ['lobby'])
  const headers = { 'x-forwarded-for': '192.0.2.7', 'user-agent': 'phone' }
  const socket = await connect(t, core, { header: sign(user('ann')), headers })
  t.match(await ask(socket, 'chat message', { room: 'lobby', message: 'hi' }), [{ RC: 0 }])
  t.match(core.chat.sent, [{ identity: { userId: 'ann' } }])
  t.strictSame(core.chat.logins, [
    { app: 'shop', userId: 'ann', from: { address: '192.0.2.7', userAgent: 'phone' } },
  ])
})

t.test('an identity in the CONNECT payload counts, and only a signed one', async (t) => {
  const core = await startSockets(t)
  const socket = await connect(t, core, { auth: { 'im-identity': sign(user('ann')) } })
  t.match(await ask(socket, 'chat message', {}), [{ RC: 0 }])
  for (const claim of [forge(user('ann')), 'ann', 7, null, {}, sign(user('ann'), 0)]) {
    const stranger = await connect(t, core, { auth: { 'im-identity': claim } })
    t.match(await ask(stranger, 'chat message', {}), [{ RC: 401 }])
  }
})

t.test('there is no namespace but the main one', async (t) => {
  const core = await startSockets(t)
  const socket = dial(t, { url: `${core.url}/admin` })
  const error = await heard(socket, 'connect_error')
  t.match(error, { message: 'Invalid namespace' })
})

t.test('no client script is served', async (t) => {
  const core = await startSockets(t)
  const { status } = await poll(core, '', { 'im-identity': sign(anonymous) })
  t.equal(status, 400)
  const response = await fetch(`${core.url}/socket.io/socket.io.js`, {
    headers: { 'im-identity': sign(anonymous) },
  })
  t.equal(response.status, 400)
})
