// Clients that ask for much and read nothing, by whichever way, before the whole stack: each is cut within its bound,
// neither process keeps what it does not read, and nobody else notices.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { formOf } from '../support/multipart.ts'
import { requestText } from '../support/raw-http.ts'
import { frameBytes } from '../support/raw-websocket.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

/** Far more than the kernel keeps between two processes. */
const FILE_BYTES = 48 * 1_048_576
const DOWNLOADS = 4
const SLOW_SOCKETS = 8
const MESSAGES = 400
/** What the longest of the bounds allows (30 s without a byte), and some time to look. */
const CUT_WITHIN_MS = 60_000
const MAX_GROWTH_BYTES = 250 * 1_048_576

const files = await mkdtemp(join(tmpdir(), 'imkit-slow-readers-'))
t.teardown(() => rm(files, { recursive: true }))
const stack = await startStack(t, { coreEnv: { FILES_DIR: files } })
const user = await stack.createUser('slow')
const friend = await stack.createUser('friend')
const room = await friend.api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', invitee: ['slow'] })
const fields = [`IM-Client-Key: ${stack.keys.clientKey}`, `IM-Authorization: ${user.token}`]

async function metric(adminUrl: string, name: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`))
  return Number(line?.split(' ').at(-1))
}

const processes = [...stack.gateways, ...stack.cores].map(({ adminUrl }) => adminUrl)
const residentBytes = async () =>
  (await Promise.all(processes.map((url) => metric(url, 'process_resident_memory_bytes')))).reduce(
    (a, b) => a + b,
  )

/** Sends, reads up to a sign that it was heard, and reads no more. */
async function openDeaf(text: string, sign: string, then?: Buffer): Promise<Socket> {
  const socket = connect({ port: Number(new URL(stack.url).port), host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.write(text)
  for (let seen = ''; !seen.includes(sign); ) {
    const [bytes] = await once(socket, 'data')
    if (then !== undefined && seen === '') socket.write(then)
    seen += String(bytes)
  }
  socket.pause()
  return socket
}

t.test('downloads, sockets and polls that nobody reads', async (t) => {
  const { body, contentType } = formOf([
    { name: 'file', content: Buffer.alloc(FILE_BYTES, 'x'), filename: 'x', type: 'text/plain' },
  ])
  const uploaded = await user.api.call('POST', '/files/deaf', undefined, {
    rawBody: body,
    headers: { 'Content-Type': contentType },
  })
  t.equal(uploaded.status, 200, uploaded.text)
  const path = `/files/deaf/${uploaded.result._id ?? uploaded.body._id}`

  const bystander = connectSocket(t, 4, stack.url)
  await bystander.connected
  const credentials = { CLIENT_KEY: stack.keys.clientKey, Authorization: friend.token }
  t.match(await bystander.ask('auth2', friend.token, credentials), { RC: 0 })
  const before = await residentBytes()

  const deaf: Socket[] = []
  for (let i = 0; i < DOWNLOADS; i++)
    deaf.push(await openDeaf(requestText(`GET ${path} HTTP/1.1`, fields), 'xxx'))
  const upgrade = requestText('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
  ])
  for (let i = 0; i < SLOW_SOCKETS; i++) deaf.push(await openDeaf(upgrade, '40{"sid"', frameBytes('40')))
  const polled = await user.api.call('GET', '/socket.io/?EIO=4&transport=polling')
  const [, sid] = /"sid":"([^"]+)"/.exec(polled.text) ?? []
  const session = `/socket.io/?EIO=4&transport=polling&sid=${sid}`
  const connected = await user.api.call('POST', session, undefined, {
    rawBody: '40',
    headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
  })
  t.equal(connected.status, 200)

  const message = { room: room._id, messageType: 'text', message: 'x'.repeat(16_000) }
  for (let i = 0; i < MESSAGES; i += 20) {
    await Promise.all(
      Array.from({ length: 20 }, () => friend.api.ok('POST', `/rooms/${room._id}/message`, message)),
    )
    t.equal(bystander.isConnected(), true)
  }
  const grown = (await residentBytes()) - before
  t.ok(grown < MAX_GROWTH_BYTES, `both processes together have grown by ${Math.round(grown / 1_048_576)} MiB`)
  t.match(await user.api.ok('GET', '/me'), { _id: 'slow' }, 'the same user is served elsewhere')
  t.match(await bystander.ask('chat message', { ...message, message: 'still here' }), { RC: 0 })

  await eventually(
    'the gateway has let go of all but the bystander',
    async () => (await metric(stack.gateways[0]!.adminUrl, 'gateway_connections')) <= 2,
    CUT_WITHIN_MS,
  )
  await eventually(
    'and so has the core',
    async () => (await metric(stack.cores[0]!.adminUrl, 'core_sockets')) === 1,
    CUT_WITHIN_MS,
  )
  const late = await user.api.call('GET', session)
  t.equal(late.status, 400, 'the session that was not polled is over')
  for (const socket of deaf) {
    // What the kernel still holds, and then the end: not the whole of it.
    socket.resume()
    if (!socket.destroyed) await once(socket, 'close')
    t.ok(socket.bytesRead < FILE_BYTES, 'it was cut short')
  }
  t.equal(bystander.connections(), 1, 'the bystander never noticed')
})
