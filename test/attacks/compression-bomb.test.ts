/**
 * A kilobyte that unpacks into a gigabyte. The gateway never inflates: a compressed body passes as the bytes that it
 * is, either way, and on sockets compression is never agreed on, so that frames stay readable and small ones small.
 * Precedent: undici CVE-2026-1526.
 */
import { deflateRawSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { clientFrame } from '../gateway/tunnel/client-frames.ts'
import { GOOD, startGateway } from '../support/gateway.ts'
import { openRaw, requestText } from '../support/raw-http.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { acceptUpgrade } from '../support/recording-upstream.ts'

const bomb = gzipSync(Buffer.alloc(10_000_000))

t.test('a compressed body reaches the core as the bytes that it is', async (t) => {
  const gateway = await startGateway(t)
  const client = await openRaw(gateway.publicUrl)
  t.teardown(() => client.destroy())
  const fields = [...GOOD, 'Content-Encoding: gzip', `Content-Length: ${bomb.length}`]
  client.write(requestText('POST /rooms/r/message HTTP/1.1', fields))
  client.write(bomb)
  t.equal((await client.response()).status, 200)
  const received = await gateway.upstream.next()
  t.ok(received.body.equals(bomb))
  t.strictSame(received.values('content-encoding'), ['gzip'])
})

t.test('a compressed answer reaches the client as the bytes that it is', async (t) => {
  const gateway = await startGateway(t)
  gateway.upstream.answerWith(() =>
    Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`),
      bomb,
    ]),
  )
  const client = await openRaw(gateway.publicUrl)
  t.teardown(() => client.destroy())
  client.write(requestText('GET /me HTTP/1.1', [...GOOD, 'Accept-Encoding: gzip, br']))
  const answer = await client.response()
  t.ok(answer.body.equals(bomb))
  t.equal(answer.header('content-encoding'), 'gzip')
})

t.test('compression of messages is never agreed on, whatever the client or the core offers', async (t) => {
  const gateway = await startGateway(t)
  const offers = [
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'x-webkit-deflate-frame, permessage-deflate; server_no_context_takeover',
  ]
  for (const offer of offers) {
    const socket = await openRawWebSocket(t, gateway.publicUrl, [`Sec-WebSocket-Extensions: ${offer}`])
    t.equal(socket.answer.status, 101)
    t.equal(socket.answer.header('sec-websocket-extensions'), undefined)
    const { connection, ...received } = await gateway.upstream.next()
    t.strictSame(received.values('sec-websocket-extensions'), [])
    const deflated = deflateRawSync(Buffer.from('42["auth","ada-token"]'))
    socket.connection.write(clientFrame(deflated, { reserved: 4 }))
    await socket.connection.untilClosed()
    t.notOk(connection.tunnelled().includes(deflated), 'a frame that claims to be compressed does not pass')
  }
  gateway.upstream.answerWith((request) =>
    acceptUpgrade(request, ['Sec-WebSocket-Extensions: permessage-deflate']),
  )
  const forged = await openRawWebSocket(t, gateway.publicUrl, [
    'Sec-WebSocket-Extensions: permessage-deflate',
  ])
  t.equal(forged.answer.status, 502)
})
