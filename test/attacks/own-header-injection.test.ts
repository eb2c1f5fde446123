/**
 * The identity is put into a header, and part of it is what users chose: an id with a line end would begin a header, or
 * a request, of their own; one that is not latin-1 would be refused by the sender or arrive as another. So the
 * identity is ASCII by encoding, and other texts of a caller's are not sent at all. Precedent: undici CVE-2026-1527.
 */
import t from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { identityOf, startGateway } from '../support/gateway.ts'
import { openRaw, requestText, sendRaw } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

const IDS = [
  'ann\r\nX-Admin: 1',
  'ann\r\n\r\nGET /admin/clients HTTP/1.1\r\nHost: x\r\n\r\n',
  'ann\nX: 1',
  'ann\0',
  'zoë',
  '王小明',
  '😀',
  '\ud800',
  '__proto__',
  '"},"kind":"platform',
  ' ann ',
]

t.test('whatever a user is called, the core gets one request with one identity of that user', async (t) => {
  const gateway = await startGateway(t)
  for (const [i, id] of IDS.entries()) gateway.store.bind('demo', `token-${i}`, id)
  gateway.core.push()
  for (const [i, id] of IDS.entries()) {
    const fields = ['IM-Client-Key: demo_clientkey', `IM-Authorization: token-${i}`]
    t.equal((await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))).status, 200)
    const received = await gateway.upstream.next()
    t.match(identityOf(received), { kind: 'client', userId: id }, JSON.stringify(id))
    t.notOk(received.fields.some(([name]) => /^x-admin|^x$/i.test(name)))
    t.match(received.head, /^[\x20-\x7e\r\n]+$/)
    const socket = await openRawWebSocket(t, gateway.publicUrl, fields)
    t.equal(socket.answer.status, 101)
    t.match(identityOf(await gateway.upstream.next()), { userId: id })
  }
  t.equal(gateway.upstream.requests.length, IDS.length * 2)
})

t.test('the device and the user that a platform key acts for are data, whatever their bytes', async (t) => {
  const gateway = await startGateway(t)
  for (const text of ['zoë', '王小明', '{"a":1}', 'a, b', '%0d%0aX: 1', "'; drop table users"]) {
    const bytes = Buffer.from(text).toString('latin1')
    const fields = ['IM-API-KEY: demo_apikey', `IM-Client-ID: ${bytes}`, `IM-Device-ID: ${bytes}`]
    await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))
    t.match(identityOf(await gateway.upstream.next()), { kind: 'platform', userId: text, deviceId: text })
  }
})

t.test('in an event, ids with line ends stay inside the identity', async (t) => {
  const gateway = await startGateway(t)
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  const { connection } = await gateway.upstream.next()
  const headers = { 'IM-API-KEY': 'demo_apikey', 'IM-Client-ID': 'a"]\r\n42["x', 'IM-Device-ID': '王\u2028' }
  socket.connection.write(frameBytes(`421${JSON.stringify(['auth2', null, headers])}`))
  await eventually('the core has it', () => readTexts(connection.tunnelled()).length > 0)
  const [text = ''] = readTexts(connection.tunnelled())
  t.match(text, /^421\["auth2",\{"identity":"v1\.[\w.-]+"\}\]$/)
})

t.test('nothing else of what the gateway says is the caller’s to write', async (t) => {
  const gateway = await startGateway(t)
  const fields = [
    'IM-API-KEY: demo_apikey',
    'X-Request-ID: mine-and-mine-alone',
    'X-Forwarded-For: 203.0.113.7',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: https',
    'Forwarded: for=203.0.113.7',
  ]
  const client = await openRaw(gateway.publicUrl)
  client.write(requestText('GET /me HTTP/1.1', fields))
  await client.response()
  client.destroy()
  const received = await gateway.upstream.next()
  t.notMatch(received.head, /mine-and-mine|203\.0\.113|evil\.example|https/)
  t.strictSame(received.values('x-forwarded-for'), ['127.0.0.1'])
})
