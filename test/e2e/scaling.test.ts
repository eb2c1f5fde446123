import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { type ApiAnswer, asList } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'
import { startTcpBalancer } from '../support/tcp-balancer.ts'

// Two gateways, two cores, Redis and PostgreSQL as processes, behind a balancer that only knows connections. Under
// traffic a gateway and a core come, and a gateway and a core go.

t.setTimeout(300_000)

const USERS = 4

const stack = await startStack(t, {
  database: 'postgres',
  redis: true,
  gateways: 2,
  cores: 2,
  gatewayEnv: { DRAIN_WINDOW_MS: '1000' },
  coreEnv: { JWT_SECRET: 'the-same-secret-at-every-core' },
})
const balancer = await startTcpBalancer(
  t,
  stack.gateways.map(({ url }) => url),
)
const users = await Promise.all(Array.from({ length: USERS }, (_, i) => stack.createUser(`user-${i}`)))
const room = String(
  (
    await users[0]!.api.ok('POST', '/rooms/createAndJoin', {
      roomType: 'group',
      name: 'everybody',
      invitee: users.slice(1).map(({ id }) => id),
    })
  )._id,
)

const failures: string[] = []
/** Acknowledged, by client message id. */
const acknowledged = new Map<string, string>()
let requests = 0
let isOver = false

/** As a client that has learnt its lessons: what may be repeated is, once a connection is lost or a server is not there. */
async function ask(work: () => Promise<ApiAnswer>, what: string): Promise<ApiAnswer | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await work().catch(() => undefined)
    requests += 1
    if (answer?.status === 200) return answer
    // A plain GET has no reason to fail at all once it has reached a gateway.
    if (answer !== undefined && ![502, 503, 504].includes(answer.status))
      failures.push(`${what}: ${answer.status} ${answer.text}`)
    await delay(100)
  }
  failures.push(`${what}: no answer`)
  return undefined
}

async function traffic({ id, token }: { id: string; token: string }): Promise<void> {
  const api = stack.as(token, balancer.url)
  for (let i = 0; !isOver; i++) {
    const clientMessageID = `${id}-${i}`
    const body = { messageType: 'text', message: clientMessageID, clientMessageID }
    const sent = await ask(() => api.call('POST', `/rooms/${room}/message`, body), 'send')
    if (sent !== undefined) acknowledged.set(clientMessageID, String(sent.result._id))
    await ask(() => api.call('GET', '/rooms'), 'read')
  }
}

t.test('gateways and cores come and go under traffic, and nothing is lost', async (t) => {
  const { clientKey } = stack.keys
  const sockets = users.map(({ token }, i) => {
    const socket = connectSocket(t, 4, balancer.url, {
      transports: [i % 2 === 0 ? 'websocket' : 'polling'],
      auth: { 'IM-Client-Key': clientKey, 'IM-Authorization': token },
    })
    return socket
  })
  await Promise.all(sockets.map(({ connected }) => connected))
  const flow = Promise.all(users.map(traffic))
  const moves = async () => {
    const before = acknowledged.size
    await eventually('messages go on', () => acknowledged.size > before + 10, 60_000)
  }
  await moves()

  const core = await stack.addCore()
  const gateway = await stack.addGateway({
    CORE_URLS: [...stack.cores.map(({ url }) => url)].join(','),
    CORE_INTERNAL_URL: core.internalUrl,
  })
  balancer.setTargets(stack.gateways.map(({ url }) => url))
  await moves()

  const [first] = stack.gateways
  balancer.setTargets(stack.gateways.slice(1).map(({ url }) => url))
  await first?.stop()
  t.equal(await first?.ended, 0, 'a gateway drains and ends in order')
  await moves()

  const oldCore = stack.cores[1]
  await oldCore?.stop()
  t.equal(await oldCore?.ended, 0, 'a core too')
  await moves()
  t.ok((await fetch(`${gateway.adminUrl}/readyz`)).ok)

  await eventually('every socket is back', () => sockets.every((socket) => socket.isConnected()), 60_000)
  isOver = true
  await flow
  t.same(failures, [], `${requests} requests`)

  const api = stack.as(users[0]!.token, balancer.url)
  const last = await api.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: 'the last' })
  await Promise.all(
    sockets.map((socket) => socket.next('chat message', (payload) => Object(payload)._id === last._id)),
  )
  t.pass('each of them hears what is said')

  const stored = new Map<string, string>()
  let before = ''
  for (;;) {
    const page = asList((await api.ok('GET', `/rooms/${room}/messages/v3?limit=100${before}`)).data)
    const known = stored.size
    for (const { _id, message } of page) stored.set(String(_id), String(message))
    const [oldest] = page.sort((one, other) => Number(one.seq) - Number(other.seq))
    if (stored.size === known || oldest === undefined) break
    before = `&beforeMessage=${oldest._id}`
  }
  t.same(
    [...acknowledged.values()].filter((id) => !stored.has(id)),
    [],
    `all of ${acknowledged.size} acknowledged messages are there`,
  )
  const texts = [...stored.values()]
  t.equal(new Set(texts).size, texts.length, 'and none twice')
})
