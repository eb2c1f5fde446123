import t, { type Test } from 'tap'
import { openRaw, requestText } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket, type RawWebSocket } from '../support/raw-websocket.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey } = stack.keys
const user = await stack.createUser('steady')
const room = await user.api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: 'bad input' })
const pids = [...stack.gateways, ...stack.cores].map(({ pid }) => pid)

// The bystander is there before everything below and must notice none of it.
const bystander = connectSocket(t, 4, stack.url)
await bystander.connected
const credentials = { CLIENT_KEY: clientKey, Authorization: user.token }
await bystander.ask('auth2', user.token, credentials)

/** Runs the attack, then asks both services and the bystander whether they are well. */
function attack(name: string, run: (t: Test) => Promise<void>): void {
  t.test(name, async (t) => {
    await run(t)
    t.match(await user.api.ok('GET', '/me'), { _id: 'steady' }, 'both services still serve')
    const said = { room: room._id, messageType: 'text', message: 'still here' }
    t.match(await bystander.ask('chat message', said), { RC: 0 }, 'and the bystander still chats')
    t.equal(bystander.connections(), 1, 'on the connection that it always had')
  })
}

attack('bodies that are not what they should be are answered 400 with the envelope', async (t) => {
  const json = { 'Content-Type': 'application/json' }
  const bodies = ['{', '[]', '"text"', '12', '{"messageType":', '{"a":1}}', '\u0000', `${'['.repeat(20_000)}`]
  for (const rawBody of bodies) {
    const answer = await user.api.call('POST', `/rooms/${room._id}/message`, undefined, {
      rawBody,
      headers: json,
    })
    t.match(answer, { status: 400, RC: 400, body: { RM: String } }, rawBody.slice(0, 20))
  }
})

attack('fields of wrong types are answered 400, never 500', async (t) => {
  const wrong: [string, string, unknown][] = [
    ['POST', `/rooms/${room._id}/message`, { messageType: 7, message: 'x' }],
    ['POST', `/rooms/${room._id}/message`, { messageType: { $ne: 1 }, message: 'x' }],
    ['POST', `/rooms/${room._id}/message`, { messageType: 'text', message: 'x', mentions: 'everybody' }],
    ['POST', `/rooms/${room._id}/message`, { _id: { $gt: '' }, messageType: 'recall' }],
    ['PUT', `/rooms/${room._id}/lastRead`, { message: { $gt: '' } }],
    ['POST', `/rooms/${room._id}/members`, { invitees: 'all' }],
    ['POST', `/rooms/${room._id}/members`, { invitees: [1, null] }],
    ['POST', `/rooms/${room._id}/delete/members`, { members: {} }],
    ['POST', '/rooms/createAndJoin', { roomType: 'group', invitee: { id: 'x' } }],
    ['POST', '/rooms/createAndJoin', { roomType: 'circle' }],
    ['POST', '/me', { nickname: { a: 1 } }],
    ['GET', '/rooms?q={"$where":"1"}', undefined],
    ['GET', '/rooms?q=%7B', undefined],
    ['GET', '/rooms?limit=many', undefined],
    ['GET', `/rooms/${room._id}/messages/v3?beforeMessage=${'x'.repeat(500)}`, undefined],
  ]
  for (const [method, path, body] of wrong) {
    const answer = await user.api.call(method, path, body)
    t.ok(
      answer.status >= 400 && answer.status < 500,
      `${method} ${path} ${JSON.stringify(body)}: ${answer.status}`,
    )
    t.equal(answer.RC, answer.status)
  }
})

attack('ids and names that programs trip over are stored and come back, or are refused', async (t) => {
  for (const id of [
    '__proto__',
    'constructor',
    'a/b',
    '..',
    '%00',
    "x'; drop table users; --",
    'ü😀',
    ' ',
    'x'.repeat(5_000),
  ]) {
    const answer = await stack.platform.call('POST', '/admin/clients', { _id: id, nickname: id })
    t.ok(answer.status === 200 || answer.status === 400, `${id.slice(0, 30)}: ${answer.status}`)
    if (answer.status === 200) t.equal(answer.result._id, id)
  }
})

attack('a body that is too large is refused with 413, its length said or not', async (t) => {
  const body = JSON.stringify({ messageType: 'text', message: 'x'.repeat(20_000_000) })
  const fields = [
    `CLIENT_KEY: ${clientKey}`,
    `Authorization: ${user.token}`,
    'Content-Type: application/json',
  ]
  for (const framing of [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked']) {
    const connection = await openRaw(stack.url)
    connection.write(requestText(`POST /rooms/${room._id}/message HTTP/1.1`, [...fields, framing]))
    connection.write(
      framing.startsWith('Content-Length') ? body : `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    )
    const answer = await connection.response()
    t.equal(answer.status, 413, framing)
    t.match(JSON.parse(answer.text()), { RC: 413 })
    connection.destroy()
  }
})

attack('requests that are no HTTP are answered 400 or closed', async (t) => {
  const broken = [
    'hello\r\n\r\n',
    'GET\r\n\r\n',
    requestText('GET /me HTTP/1.1', ['Content-Length: 5', 'Transfer-Encoding: chunked']),
    requestText('GET /me HTTP/1.1', ['Content-Length: -1']),
    requestText('POST /me HTTP/1.1', ['Transfer-Encoding: chunked'], 'zz\r\n'),
    `\u0016\u0003\u0001${'\u0000'.repeat(100)}\r\n\r\n`,
    requestText(`GET /${'x'.repeat(200_000)} HTTP/1.1`),
  ]
  for (const bytes of broken) {
    const connection = await openRaw(stack.url)
    connection.write(bytes)
    const answer = await connection.response().catch(() => undefined)
    if (answer) t.ok(answer.status >= 400 && answer.status < 500, `${bytes.slice(0, 30)}: ${answer.status}`)
    else t.ok(connection.isClosed(), bytes.slice(0, 30))
    connection.destroy()
  }
})

/** Opens the main namespace the way a client does. */
async function openNamespace(t: Test): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(t, stack.url)
  t.equal(socket.answer.status, 101)
  t.match(await socket.text(), /^0\{/)
  socket.sendText('40')
  t.match(await socket.text(), /^40\{/)
  return socket
}

const authPacket = `420${JSON.stringify(['auth2', user.token, credentials])}`
const signedIn = /^430\[\{"RC":0,/

attack('an auth packet split at every byte of its frame is exchanged all the same', async (t) => {
  const socket = await openNamespace(t)
  for (const byte of frameBytes(authPacket)) {
    socket.connection.write(Buffer.from([byte]))
    await new Promise(setImmediate)
  }
  t.match(await socket.text(), signedIn)
})

attack(
  'an auth packet in fragments of one byte, with pings between them, is exchanged all the same',
  async (t) => {
    const socket = await openNamespace(t)
    const bytes = Buffer.from(authPacket)
    const frames: Buffer[] = []
    for (let at = 0; at < bytes.length; at++) {
      const last = at === bytes.length - 1
      frames.push(frameBytes(bytes.subarray(at, at + 1), { opcode: at === 0 ? 1 : 0, final: last }))
      if (at % 50 === 0 && !last) frames.push(frameBytes('are you there', { opcode: 9 }))
    }
    socket.connection.write(Buffer.concat(frames))
    t.match(await socket.text(), signedIn)
  },
)

attack('auth packets and messages in one write keep their order', async (t) => {
  const socket = await openNamespace(t)
  const message = { room: room._id, messageType: 'text', message: 'right behind' }
  const packets = [authPacket, `421${JSON.stringify(['chat message', message])}`]
  socket.connection.write(Buffer.concat(packets.map((packet) => frameBytes(packet))))
  const answers: string[] = []
  while (answers.length < 2) {
    const text = await socket.text()
    if (text.startsWith('43')) answers.push(text)
  }
  t.match(answers[0], signedIn)
  t.match(answers[1], /^431\[\{"RC":0,/)
})

attack('auth events with garbage are answered and the socket can still sign in', async (t) => {
  const garbage: unknown[][] = [
    [],
    [null],
    [0],
    [true],
    [[]],
    [{}],
    [{ identity: 'forged' }],
    [{ refused: { code: 'X', RC: 401 } }],
    [''],
    [user.token, null],
    [user.token, 'text'],
    [user.token, { CLIENT_KEY: { toString: 'x' } }],
    [user.token, { __proto__: { CLIENT_KEY: clientKey } }],
    [user.token, { CLIENT_KEY: 7, Authorization: ['x'] }],
    [user.token, credentials, 'one', 'too', 'many'],
  ]
  for (const event of ['auth', 'auth2']) {
    const socket = connectSocket(t, 4, stack.url)
    await socket.connected
    for (const args of garbage) {
      const label = `${event} ${JSON.stringify(args)?.slice(0, 60)}`
      const answer = await socket.ask(event, ...args).catch((error: Error) => error)
      t.match(answer, { RC: Number }, label)
    }
    t.match(await socket.ask('auth2', user.token, credentials), { RC: 0 })
    t.equal(socket.connections(), 1)
    socket.close()
  }
})

attack(
  'auth events that are too large, or binary, are answered or cost the socket, and never sign in',
  async (t) => {
    for (const args of [
      ['x'.repeat(50_000)],
      [Buffer.from(user.token)],
      [user.token, { Authorization: Buffer.from('x') }],
    ]) {
      const socket = connectSocket(t, 4, stack.url, { reconnection: false })
      await socket.connected
      const answered = socket.ask('auth2', ...args).catch(() => undefined)
      const answer = await Promise.race([answered, socket.disconnected])
      if (typeof answer === 'object') t.match(answer, { RC: (code: unknown) => Number(code) >= 400 })
      if (!socket.isConnected()) continue
      const message = { room: room._id, messageType: 'text', message: 'as whom?' }
      t.match(await socket.ask('chat message', message), { RC: 401 })
    }
  },
)

attack('frames that break the protocol close their own socket and nothing else', async (t) => {
  const broken: Record<string, Buffer> = {
    unmasked: frameBytes('42["typing","x"]', { masked: false }),
    'with a reserved bit': frameBytes('42["typing","x"]', { reserved: 4 }),
    'of an unknown opcode': frameBytes('x', { opcode: 5 }),
    'a continuation of nothing': frameBytes('x', { opcode: 0 }),
    'a fragmented ping': frameBytes('x', { opcode: 9, final: false }),
    'a ping too long': frameBytes('x'.repeat(126), { opcode: 9 }),
    'a text inside a text': Buffer.concat([frameBytes('42', { final: false }), frameBytes('42')]),
    'longer than memory': Buffer.from([
      0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4,
    ]),
    'text that is not UTF-8': frameBytes(Buffer.from([0x34, 0x32, 0xff, 0xfe])),
  }
  for (const [name, bytes] of Object.entries(broken)) {
    const socket = await openNamespace(t)
    socket.connection.write(bytes)
    await t.resolves(socket.connection.untilClosed(), name)
  }
})

attack('packets that no client sends do no harm', async (t) => {
  const packets = [
    '',
    '9',
    '42',
    '42{',
    '42["auth2"',
    '420',
    '42[]',
    '42[7]',
    '42["disconnect"]',
    '44',
    '41',
    '51-["auth",{"_placeholder":true,"num":0}]',
  ]
  for (const packet of packets) {
    const socket = await openNamespace(t)
    socket.sendText(packet)
    socket.connection.destroy()
  }
})

t.test('neither service was restarted on the way', async (t) => {
  t.same(
    [...stack.gateways, ...stack.cores].map(({ pid }) => pid),
    pids,
  )
  for (const pid of pids) t.ok(process.kill(pid, 0))
})
