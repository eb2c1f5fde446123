import t from 'tap'
import { openRaw, requestText, sendRaw } from './raw-http.ts'
import { answerText, startRecordingUpstream } from './recording-upstream.ts'

t.test('the recording has the exact bytes of two pipelined requests and answers both in order', async (t) => {
  const upstream = await startRecordingUpstream(t)
  upstream.answerWith((request) => answerText(200, request.target))
  const first = requestText('POST /a HTTP/1.1', ['X-Odd_Name.x:  v', 'Content-Length: 3'], 'abc')
  const second = requestText(
    'POST /b HTTP/1.1',
    ['Transfer-Encoding: chunked'],
    '2\r\nhi\r\n0\r\nT: 1\r\n\r\n',
  )
  const client = await openRaw(upstream.port)
  t.teardown(() => client.destroy())
  client.write(first + second)
  t.equal((await client.response()).json(), '/a')
  t.equal((await client.response()).json(), '/b')
  const [one, two] = upstream.requests
  t.equal(one?.head + String(one?.body), first)
  t.same(one?.values('x-odd_name.x'), ['v'])
  t.equal(String(two?.body), 'hi')
  t.same(two?.trailers, [['T', '1']])
  t.equal(String(upstream.connections[0]?.received()), first + second)
})

t.test('an accepted upgrade turns the connection into a recorded tunnel', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const client = await openRaw(upstream.port)
  t.teardown(() => client.destroy())
  client.write(
    requestText('GET /socket.io/ HTTP/1.1', [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]),
  )
  const answer = await client.response()
  t.equal(answer.status, 101)
  t.equal(answer.header('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  client.write('up')
  const { connection } = await upstream.next()
  t.equal(String(await connection.tunnelledBytes(2)), 'up')
  connection.write('down')
  t.equal(String(await client.bytes(4)), 'down')
})

t.test('an upstream that resets is seen as a connection closed before the response', async (t) => {
  const upstream = await startRecordingUpstream(t)
  upstream.answerWith(() => 'reset')
  await t.rejects(sendRaw(upstream.url, requestText('GET / HTTP/1.1')), /closed before a whole response/)
})
