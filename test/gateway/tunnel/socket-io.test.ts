/** The whole way with real ends: Socket.IO clients of two generations, a real server that reads the contract's shape. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io as io4 } from 'socket.io-client'
import t, { type Test } from 'tap'
import { verifyIdentity } from '../../../core/contract/signature.ts'
import { parseSocketAuth } from '../../../core/contract/socket-auth.ts'
import { KEYS, startStand } from './stand.ts'

type Ack = (answer: unknown) => void

/** As little of a core as an authentication needs. */
async function startCore(t: Test, now: () => number): Promise<{ port: number; seen: unknown[] }> {
  const http = createServer()
  const server = new Server(http, { allowEIO3: true, pingInterval: 5_000 })
  const seen: unknown[] = []
  server.on('connection', (socket) => {
    seen.push(socket.handshake.auth)
    const authenticate = (argument: unknown, ack?: Ack) => {
      seen.push(argument)
      const auth = parseSocketAuth(argument)
      if (auth === undefined) ack?.({ RC: 401 })
      else if ('refused' in auth) ack?.({ RC: auth.refused.RC })
      else {
        const verified = verifyIdentity(auth.identity, KEYS, now())
        const client =
          'identity' in verified && verified.identity.kind === 'client' && verified.identity.userId
        ack?.({ RC: 0, result: { client } })
      }
    }
    socket.on('auth', authenticate)
    socket.on('auth2', authenticate)
    socket.on('chat message', (message: unknown, ack: Ack) => ack({ RC: 0, result: message }))
    socket.on('file', (bytes: Buffer, ack: Ack) => ack(bytes))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => server.close())
  return { port: (http.address() as AddressInfo).port, seen }
}

type Client = {
  emit(event: string, ...args: unknown[]): unknown
  once(event: string, listener: () => void): unknown
  disconnect(): unknown
}

/** It ships no types. */
const io2: (url: string, options: object) => Client = createRequire(import.meta.url)('socket.io-client-v2')

const emitted = (client: Client, event: string, ...args: unknown[]): Promise<unknown> =>
  new Promise((resolve) => client.emit(event, ...args, resolve))

const open: Record<string, (url: string) => Client> = {
  'socket.io-client 4': (url) =>
    io4(url, { transports: ['websocket'], forceNew: true, auth: { CLIENT_KEY: 'key' } }),
  'socket.io-client 2': (url) => io2(url, { transports: ['websocket'], forceNew: true }),
}

for (const [name, connect] of Object.entries(open))
  t.test(`${name} connects, is refused, authenticates and talks`, async (t) => {
    const clock = { nowMs: 0 }
    const core = await startCore(t, () => clock.nowMs)
    const stand = await startStand(t, { cores: [core.port] })
    clock.nowMs = stand.clock.nowMs
    const client = connect(`http://127.0.0.1:${stand.port}`)
    t.teardown(() => client.disconnect())
    await new Promise<void>((resolve) => client.once('connect', resolve))
    t.match(await emitted(client, 'auth', 'bad'), { RC: 401 })
    t.match(await emitted(client, 'auth2', 'good', { CLIENT_KEY: 'key', Authorization: 'good' }), {
      RC: 0,
      result: { client: 'user-of-good' },
    })
    t.match(await emitted(client, 'auth', 'good-2'), { RC: 0, result: { client: 'user-of-good-2' } })
    const message = { room: 'r', message: 'Grüße 🙂'.repeat(2_000) }
    t.match(await emitted(client, 'chat message', message), { RC: 0, result: message })
    const bytes = Buffer.from((await emitted(client, 'file', Buffer.alloc(70_000, 9))) as Buffer)
    t.equal(bytes.length, 70_000)
    t.notMatch(JSON.stringify(core.seen), /"good|"bad|CLIENT_KEY/, 'no credential reached the core')
    t.same(stand.tunnels.registry.counts(), { identified: 1, anonymous: 0 })
    const gone = new Promise<void>((resolve) => client.once('disconnect', resolve))
    stand.tunnels.registry.closeCredential('id-of-good-2')
    await gone
  })
