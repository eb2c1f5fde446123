import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import t from 'tap'
import { verifyIdentity } from '../../../core/contract/signature.ts'
import { openRaw } from '../../support/raw-http.ts'
import { acceptUpgrade, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { clientFrame, MASK, readFrames, readTexts } from './client-frames.ts'
import { ACCEPT, KEY, KEYS, openSocket, startStand, until, upgradeText, userOf } from './stand.ts'

const serverText = (text: string): Buffer => clientFrame(text, { mask: undefined })
const closeCodeOf = (bytes: Buffer): number | undefined => {
  const close = readFrames(bytes).find(({ opcode }) => opcode === 8)
  return close?.payload.readUInt16BE(0)
}

t.test(
  'the core gets a rebuilt handshake with the identity, without extensions and credentials',
  async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port] })
    const client = await openRaw(stand.port)
    client.write(
      upgradeText([
        'Origin: https://app.test',
        'Sec-WebSocket-Extensions: permessage-deflate',
        'Sec-WebSocket-Protocol: one, two',
        'IM-Authorization: good',
        'CLIENT_KEY: key',
        'IM_Identity: forged',
        'X-Kept: yes',
      ]),
    )
    core.answerWith((request) => acceptUpgrade(request, ['Sec-WebSocket-Protocol: two', 'X-Secret: 1']))
    const answer = await client.response()
    t.equal(answer.status, 101)
    t.same(answer.fields, [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
      ['Sec-WebSocket-Protocol', 'two'],
    ])
    const request = await core.next()
    t.equal(request.target, '/socket.io/?EIO=4&transport=websocket')
    t.same(request.values('host'), ['chat.test'])
    t.same(request.values('connection'), ['Upgrade'])
    t.same(request.values('upgrade'), ['websocket'])
    t.same(request.values('sec-websocket-key'), [KEY])
    t.same(request.values('sec-websocket-version'), ['13'])
    t.same(request.values('sec-websocket-protocol'), ['one, two'])
    t.same(request.values('sec-websocket-extensions'), [])
    t.same(request.values('origin'), ['https://app.test'])
    t.same(request.values('x-kept'), ['yes'])
    const [signed, ...more] = request.fields.filter(([name]) => /^im.identity$/i.test(name))
    t.same(more, [])
    t.match(verifyIdentity(signed?.[1], KEYS, stand.clock.nowMs), { identity: { userId: 'user-of-good' } })
    t.notMatch(request.head, /good|CLIENT_KEY|forged/)
    t.same(stand.tunnels.registry.counts(), { identified: 1, anonymous: 0 })
  },
)

t.test('bytes pass both ways as they are, an authentication goes on as a signed identity', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  const before = clientFrame('420["conf",{"encoding":"base64"}]')
  const after = clientFrame('42["typing","room"]')
  client.write(
    Buffer.concat([
      before,
      clientFrame('421["auth2","good",{"CLIENT_KEY":"key","Authorization":"good"}]'),
      after,
    ]),
  )
  await until('the last packet arrives', () => readTexts(connection.tunnelled()).length === 3)
  const received = connection.tunnelled()
  t.same(received.subarray(0, before.length), before)
  t.same(received.subarray(-after.length), after)
  const [, packet = ''] = readTexts(received)
  t.match(packet, /^421\["auth2",\{"identity":"v1\./)
  t.equal(userOf(stand, packet), 'user-of-good')
  t.same(stand.tunnels.registry.counts(), { identified: 1, anonymous: 0 })
  const raw = Buffer.concat([serverText('431["ok"]'), Buffer.from([0x82, 0x7e, 1, 0]), Buffer.alloc(256, 3)])
  connection.write(raw)
  t.same(await client.bytes(raw.length), raw)
})

t.test('a refusal goes on as a refusal, and the socket stays open and anonymous', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  client.write(clientFrame('427["auth","bad"]'))
  await until('the refusal arrives', () => readTexts(connection.tunnelled()).length === 1)
  t.equal(readTexts(connection.tunnelled())[0], '427["auth",{"refused":{"code":"INVALID_TOKEN","RC":401}}]')
  client.write(clientFrame('3'))
  await until('the socket goes on', () => readTexts(connection.tunnelled()).length === 2)
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 1 })
  t.same(stand.refused, ['INVALID_TOKEN'])
})

t.test('the half-close of a side reaches the other, which may still send', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  client.write(clientFrame('3'))
  client.end()
  await connection.closed
  t.same(readTexts(connection.tunnelled()), ['3'])
  await client.closed
  await until('the tunnel is gone', () => stand.outcomes.length === 1)
  t.same(stand.outcomes, ['answered'])
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 0 })
})

t.test('what a core says last arrives, although it ends in the same moment', async (t) => {
  // The end of a connection whose other side has ended is told together with its last bytes.
  const core = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', () => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
      )
    })
    socket.on('end', () => socket.end(serverText('last')))
    socket.on('error', () => undefined)
  })
  core.listen(0, '127.0.0.1')
  await once(core, 'listening')
  t.teardown(() => core.close())
  const stand = await startStand(t, { cores: [(core.address() as AddressInfo).port] })
  const clients = await Promise.all(Array.from({ length: 20 }, () => openSocket(stand)))
  const closing = clients.map((client) => client.untilClosed())
  for (const client of clients) client.end()
  for (const received of await Promise.all(closing)) t.same(readTexts(received), ['last'])
})

t.test('an abrupt end of either side ends the other and leaves nothing', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const first = await openSocket(stand)
  const { connection } = await core.next()
  connection.destroy()
  await first.closed
  // The core is gone for good, but all that TCP says is that it has ended: this half-closed tunnel has its time.
  stand.tunnels.registry.sweep()
  stand.clock.nowMs += 10_000
  stand.tunnels.registry.sweep()
  await until('it is cut', () => stand.outcomes.length === 1)
  const second = connect(stand.port, '127.0.0.1')
  second.write(upgradeText())
  const request = await core.next()
  await once(second, 'data')
  second.resetAndDestroy()
  await request.connection.closed
  await until('both are gone', () => stand.outcomes.length === 2)
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 0 })
})

t.test(
  'a close of the gateway is a WebSocket close between frames, then the end of both connections',
  async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 200 } })
    const client = await openSocket(stand, ['IM-Client-Key: key', 'IM-Authorization: good'])
    const { connection } = await core.next()
    stand.tunnels.registry.closeCredential('id-of-other')
    stand.tunnels.registry.closeCredential('id-of-good')
    const last = await client.closed
    t.equal(closeCodeOf(last), 4401)
    t.equal(readTexts(last).length, 0, 'never a Socket.IO packet')
    await connection.closed
    t.equal(connection.tunnelled().length, 0)
    await until('it is gone', () => stand.tunnels.registry.counts().identified === 0)
  },
)

t.test('a close in the middle of a frame from the core is no frame inside that frame', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 200 } })
  const client = await openSocket(stand, ['IM-Authorization: good'])
  const { connection } = await core.next()
  const half = serverText(`42["chat message","${'x'.repeat(100)}"]`).subarray(0, 50)
  connection.write(half)
  t.same(await client.bytes(half.length), half)
  stand.tunnels.registry.closeUser('demo', 'user-of-good')
  t.equal((await client.closed).length, 0)
})

t.test('a violation closes with its code, and the core gets nothing of it', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 200 } })
  const cases: [Buffer, number][] = [
    [clientFrame('3', { mask: undefined }), 1002],
    [clientFrame('42/admin,["auth","good"]'), 1008],
    [clientFrame('451-["auth",{"_placeholder":true,"num":0}]'), 1008],
    [clientFrame('42["auth"'), 1008],
    [clientFrame(`42["auth","${'x'.repeat(20_000)}"]`), 1009],
  ]
  for (const [bytes, code] of cases) {
    const client = await openSocket(stand)
    const { connection } = await core.next()
    client.write(bytes)
    t.equal(closeCodeOf(await client.closed), code)
    await connection.closed
    t.equal(connection.tunnelled().length, 0)
  }
})

t.test('a CONNECT with credentials goes on with the identity in their place', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  client.write(clientFrame('40{"token":"good","client_key":"key","Im_Identity":"forged","room":"r"}'))
  client.write(clientFrame('40{"token":"bad","room":"r"}'))
  client.write(clientFrame('40{"room":"r"}'))
  client.write(clientFrame('40{"im-identity":"forged"}'))
  client.write(clientFrame('40/admin?token=good,{"token":"good"}'))
  await until('all arrive', () => readTexts(connection.tunnelled()).length === 5)
  const [first = '', ...others] = readTexts(connection.tunnelled())
  const { 'im-identity': signed, ...rest } = JSON.parse(first.slice(2))
  t.match(verifyIdentity(signed, KEYS, stand.clock.nowMs), { identity: { userId: 'user-of-good' } })
  t.same(rest, { room: 'r' })
  t.same(others, ['40{"room":"r"}', '40{"room":"r"}', '40', '40/admin,'])
})

t.test('a tunnel lives by the credential that it used last', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 200 } })
  const client = await openSocket(stand, ['IM-Authorization: good-1'])
  const { connection } = await core.next()
  client.write(clientFrame('42["auth","good-2"]'))
  await until('it is exchanged', () => readTexts(connection.tunnelled()).length === 1)
  stand.tunnels.registry.closeCredential('id-of-good-1')
  client.write(clientFrame('3'))
  await until('it goes on', () => readTexts(connection.tunnelled()).length === 2)
  stand.tunnels.registry.closeCredential('id-of-good-2')
  t.equal(closeCodeOf(await client.closed), 4401)
})

t.test(
  'an idle tunnel, an anonymous one and an expired credential end, by one look at the clock',
  async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, {
      cores: [core.port],
      limits: { closingMs: 200, idleMs: 10_000, anonymousMs: 15_000 },
    })
    const { registry } = stand.tunnels
    const idle = await openSocket(stand, ['IM-Authorization: good'])
    await core.next()
    const anonymous = await openSocket(stand)
    const { connection } = await core.next()
    registry.sweep()
    stand.clock.nowMs += 9_000
    anonymous.write(clientFrame('3'))
    await until('the byte arrives', () => connection.tunnelled().length > 0)
    registry.sweep()
    t.same(registry.counts(), { identified: 1, anonymous: 1 })
    stand.clock.nowMs += 1_000
    registry.sweep()
    t.equal(closeCodeOf(await idle.closed), 4408)
    stand.clock.nowMs += 5_000
    registry.sweep()
    t.equal(closeCodeOf(await anonymous.closed), 4408)
  },
)

t.test('a slow reader holds the core back, and is cut after its time', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { stalledMs: 5_000 } })
  const client = connect(stand.port, '127.0.0.1')
  client.on('error', () => client.destroy())
  t.teardown(() => client.destroy())
  client.write(upgradeText(['IM-Authorization: good']))
  const { connection } = await core.next()
  await once(client, 'data')
  client.pause()
  const frame = Buffer.concat([Buffer.from([0x82, 0x7f, 0, 0, 0, 0, 2, 0, 0, 0]), Buffer.alloc(1 << 25)])
  connection.write(frame)
  const { registry } = stand.tunnels
  await until('the buffers are full', () => {
    registry.sweep()
    stand.clock.nowMs += 100
    return registry.counts().identified === 0
  })
  await connection.closed
  t.ok(client.bytesRead < frame.length)
})

t.test('anonymous sockets are few per address; an authentication makes room', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { anonymousPerAddress: 2 } })
  const first = await openSocket(stand)
  const { connection } = await core.next()
  await openSocket(stand)
  const third = await openRaw(stand.port)
  third.write(upgradeText())
  const answer = await third.response()
  t.equal(answer.status, 429)
  t.match(answer.json(), { RC: 429, error: { code: 'TOO_MANY_SOCKETS' } })
  await openSocket(stand, ['IM-Authorization: good'])
  first.write(clientFrame('42["auth","good"]'))
  await until('it is exchanged', () => connection.tunnelled().length > 0)
  await openSocket(stand)
})

t.test('a drain spreads the closes over its window and takes no more upgrades', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 50 } })
  const clients = await Promise.all(Array.from({ length: 4 }, () => openSocket(stand)))
  const drained = stand.tunnels.registry.closeAll({ windowMs: 200 })
  const late = await openRaw(stand.port)
  late.write(upgradeText())
  t.equal((await late.response()).status, 503)
  t.notOk(clients.every((client) => client.isClosed()))
  await drained
  for (const client of clients) t.equal(closeCodeOf(await client.closed), 1001)
})

t.test('a core that cannot be reached is passed over once', async (t) => {
  const core = await startRecordingUpstream(t)
  const gone = await startRecordingUpstream(t)
  await gone.close()
  const stand = await startStand(t, { cores: [gone.port, core.port] })
  await openSocket(stand)
  t.same(stand.outcomes, ['unreachable'])
  const alone = await startStand(t, { cores: [gone.port] })
  const client = await openRaw(alone.port)
  client.write(upgradeText())
  t.equal((await client.response()).status, 503)
  t.same(alone.outcomes, ['unreachable', 'unreachable'])
  t.same(alone.tunnels.registry.counts(), { identified: 0, anonymous: 0 })
})

t.test(
  'a message for the core in many chunks is held back by its back-pressure, not in memory',
  async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port] })
    const client = await openSocket(stand)
    const { connection } = await core.next()
    const payload = Buffer.alloc(1_000_000, 5)
    const frames = Buffer.concat([clientFrame(payload, { opcode: 2 }), clientFrame('3', { mask: MASK })])
    client.write(frames)
    t.same(await connection.tunnelledBytes(frames.length), frames)
  },
)
