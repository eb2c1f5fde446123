// Two gateways and two cores over PostgreSQL and Redis. However a credential ends, its next request is refused, and the
// sockets of exactly that credential end, on every gateway and core, whichever transport they use; without Redis too,
// and where a gateway never got the notice.

import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { connectSocket, type TestSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const stack = await startStack(t, {
  database: 'postgres',
  redis: true,
  gateways: 2,
  cores: 2,
  gatewayEnv: { RATE_LIMIT_REFUSED: '100000' },
})
const { app, clientKey } = stack.keys
const urls = stack.gateways.map(({ url }) => url)
const { platform } = stack

type Holder = { name: string; headers: Record<string, string>; path: string; args: unknown[] }

const holderOf = (name: string, token: string): Holder => ({
  name,
  headers: { 'IM-Client-Key': clientKey, 'IM-Authorization': token },
  path: '/me',
  args: [token, { CLIENT_KEY: clientKey, Authorization: token }],
})
const keyHolder = (name: string, key: string): Holder => ({
  name,
  headers: { 'IM-API-KEY': key },
  path: '/admin/clients',
  args: [null, { 'IM-API-KEY': key }],
})

async function bind(user: string, token: string, expirationDate?: string): Promise<Holder> {
  await platform.call('POST', '/admin/clients', { _id: user })
  await platform.ok('PUT', `/admin/clients/${user}/token`, {
    token,
    ...(expirationDate && { expirationDate }),
  })
  return holderOf(token, token)
}

const request = async ({ headers, path }: Holder, url: string) =>
  (await stack.client(headers, url).call('GET', path)).status

/** A socket on each gateway and transport. They land on either core. */
async function sockets(t: Test, holder: Holder, at: readonly string[] = urls): Promise<TestSocket[]> {
  const opened: TestSocket[] = []
  for (const url of at)
    for (const transport of ['websocket', 'polling'] as const)
      for (let copy = 0; copy < 2; copy++) {
        const socket = connectSocket(t, 4, url, { transports: [transport], reconnection: false })
        await socket.connected
        t.match(await socket.ask('auth2', ...holder.args), { RC: 0 }, `${holder.name} by ${transport}`)
        opened.push(socket)
      }
  return opened
}

/** Ends `ended`, and looks at what is left of it and of the others. */
async function ends(t: Test, ended: Holder, staying: Holder[], end: () => Promise<unknown>): Promise<void> {
  const gone = await sockets(t, ended)
  const others = (await Promise.all(staying.map((holder) => sockets(t, holder)))).flat()
  for (const holder of [ended, ...staying])
    for (const url of urls) t.equal(await request(holder, url), 200, holder.name)
  await end()
  t.equal(await request(ended, urls[0]!), 401, 'the next request')
  await eventually(
    'the other gateway refuses it',
    async () => (await request(ended, urls[1]!)) === 401,
    2_000,
  )
  await Promise.all(gone.map(({ disconnected }) => disconnected))
  t.pass(`${gone.length} sockets have ended`)
  for (const socket of others) t.match(await socket.ask('conf', {}), undefined, 'the others go on')
  t.ok(others.every((socket) => socket.isConnected()))
  for (const holder of staying) for (const url of urls) t.equal(await request(holder, url), 200, holder.name)
  for (let round = 0; round < 5; round++)
    for (const url of urls) t.equal(await request(ended, url), 401, 'and it stays refused')
}

const revoke = (user: string, token?: string) =>
  platform.ok('DELETE', `/admin/clients/${user}/token`, token === undefined ? {} : { token })

t.test('a token that is revoked', async (t) => {
  const ended = await bind('ann', 'ann-1')
  await ends(t, ended, [await bind('ann', 'ann-2'), await bind('ben', 'ben-1')], () => revoke('ann', 'ann-1'))
})

t.test('a token that is rotated: bound anew, and the old one revoked', async (t) => {
  const ended = await bind('cleo', 'cleo-old')
  await ends(t, ended, [await bind('dan', 'dan-1')], async () => {
    const next = await bind('cleo', 'cleo-new')
    t.equal(await request(next, urls[0]!), 200)
    await revoke('cleo', 'cleo-old')
  })
  t.equal(await request(holderOf('cleo-new', 'cleo-new'), urls[0]!), 200)
})

t.test('all tokens of a user', async (t) => {
  const ended = await bind('eve', 'eve-1')
  const second = await sockets(t, await bind('eve', 'eve-2'))
  await ends(t, ended, [await bind('ben', 'ben-1')], () => revoke('eve'))
  await Promise.all(second.map(({ disconnected }) => disconnected))
})

t.test('a user who is disabled, at whichever core', async (t) => {
  const ended = await bind('finn', 'finn-1')
  const operate = (what: string) =>
    fetch(`${stack.cores[1]!.adminUrl}/apps/${app}/users/finn/${what}`, { method: 'POST' })
  await ends(t, ended, [await bind('ben', 'ben-1')], async () => {
    t.equal((await operate('disable')).status, 200)
    await eventually(
      'the first gateway has heard',
      async () => (await request(ended, urls[0]!)) === 401,
      2_000,
    )
  })
  await operate('enable')
  for (const url of urls)
    await eventually('enabled again', async () => (await request(ended, url)) === 200, 2_000)
})

t.test('a token that expires', async (t) => {
  const expires = Date.now() + 12_000
  const ended = await bind('gus', 'gus-1', new Date(expires).toISOString())
  await ends(t, ended, [await bind('ben', 'ben-1')], async () => {
    await new Promise((resolve) => setTimeout(resolve, expires - Date.now() + 50))
  })
})

const newKey = async (kind: string) => platform.ok('POST', '/admin/app/keys', { kind })

t.test('a platform key that is revoked, and one that is rotated', async (t) => {
  const [first, second, third] = [
    await newKey('platform-key'),
    await newKey('platform-key'),
    await newKey('platform-key'),
  ]
  const [one, two, three] = [first, second, third].map(({ id, secret }) =>
    keyHolder(String(id).slice(0, 8), String(secret)),
  )
  await ends(t, one!, [three!, await bind('ben', 'ben-1')], () =>
    platform.ok('DELETE', `/admin/app/keys/${first?.id}`),
  )
  await ends(t, two!, [three!], async () => {
    const until = new Date(Date.now() - 1_000).toISOString()
    const rotated = await platform.ok('POST', `/admin/app/keys/${second?.id}/rotate`, { until })
    t.equal(
      await request(keyHolder('rotated', String(rotated.secret)), urls[0]!),
      200,
      'the new one is good at once',
    )
  })
})

t.test(
  'a rotated platform key’s overlap: both are good until the date, then the new one alone',
  async (t) => {
    const { id, secret } = await newKey('platform-key')
    const old = keyHolder('old', String(secret))
    const until = Date.now() + 3_000
    const rotated = await platform.ok('POST', `/admin/app/keys/${id}/rotate`, {
      until: new Date(until).toISOString(),
    })
    const next = keyHolder('new', String(rotated.secret))
    for (const url of urls) t.same([await request(old, url), await request(next, url)], [200, 200])
    await new Promise((resolve) => setTimeout(resolve, until - Date.now() + 50))
    for (const url of urls) t.same([await request(old, url), await request(next, url)], [401, 200])
  },
)

t.test(
  'a client key that is revoked: it names no app any more, and nobody’s sockets end with it',
  async (t) => {
    const { id, secret } = await newKey('client-key')
    const ben = await bind('ben', 'ben-1')
    const by = {
      ...ben,
      name: 'by the new key',
      headers: { ...ben.headers, 'IM-Client-Key': String(secret) },
    }
    const opened = await sockets(t, ben)
    for (const url of urls) t.equal(await request(by, url), 200)
    await platform.ok('DELETE', `/admin/app/keys/${id}`)
    t.equal(await request(by, urls[0]!), 401)
    await eventually('the other gateway refuses it', async () => (await request(by, urls[1]!)) === 401, 2_000)
    for (const url of urls) t.equal(await request(ben, url), 200)
    t.ok(opened.every((socket) => socket.isConnected()))
    const socket = connectSocket(t, 4, urls[1]!, { reconnection: false })
    await socket.connected
    t.match(await socket.ask('auth2', 'ben-1', { CLIENT_KEY: secret }), { RC: 401 })
  },
)

t.test(
  'a gateway that never got the notice: its sockets end at the core, its cache when it is back',
  async (t) => {
    const internal = await startTcpProxy(t, String(stack.cores[0]?.internalUrl))
    const cutOff = await stack.addGateway({ CORE_INTERNAL_URL: internal.url })
    const ended = await bind('hal', 'hal-1')
    const opened = await sockets(t, ended, [cutOff.url])
    t.equal(await request(ended, cutOff.url), 200)
    internal.partition()
    await revoke('hal', 'hal-1')
    t.equal(await request(ended, urls[0]!), 401)
    await Promise.all(opened.map(({ disconnected }) => disconnected))
    internal.cut()
    internal.heal()
    await eventually('it is refused there too', async () => (await request(ended, cutOff.url)) === 401)
  },
)

t.test('without Redis', async (t) => {
  await stack.redis?.stop()
  const ended = await bind('ivy', 'ivy-1')
  await ends(t, ended, [await bind('ivy', 'ivy-2')], () => revoke('ivy', 'ivy-1'))
})
