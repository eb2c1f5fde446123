/**
 * Start lines of other versions and of methods that are not a chat's: HTTP/0.9 has no fields to look at, HTTP/2's
 * preface is a request to some servers and a switch to others, h2c leads past a gateway's rules, TRACE shows what was
 * added, CONNECT makes a proxy. Each is sent alone, and behind a request that the gateway's fast lane has answered.
 */
import t from 'tap'
import { GOOD, identityOf, startGateway } from '../support/gateway.ts'
import { openRaw, type RawConnection } from '../support/raw-http.ts'

const gateway = await startGateway(t)
const { upstream } = gateway
const HOST = 'Host: gateway.test'

const text = (line: string, ...fields: string[]): string => [line, ...fields, '', ''].join('\r\n')
const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']

const REFUSED: Record<string, [bytes: string, status: number]> = {
  'HTTP/0.9': [text('GET /me'), 400],
  'HTTP/0.9 with fields': [text('GET /me', HOST, ...GOOD), 400],
  'HTTP/0.9, said': [text('GET /me HTTP/0.9', HOST, ...GOOD), 400],
  'HTTP/1.2': [text('GET /me HTTP/1.2', HOST, ...GOOD), 400],
  'HTTP/2.0': [text('GET /me HTTP/2.0', HOST, ...GOOD), 400],
  'HTTP/3.0': [text('GET /me HTTP/3.0', HOST, ...GOOD), 400],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 400],
  'HTTP/1.1 without Host': [text('GET /me HTTP/1.1', ...GOOD), 400],
  'HTTP/1.0 with chunks': [
    `${text('POST /me HTTP/1.0', HOST, ...GOOD, 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    400,
  ],
  'h2c on the socket’s path': [text('GET /socket.io/?EIO=4 HTTP/1.1', HOST, ...GOOD, ...H2C), 426],
  TRACE: [text('TRACE /me HTTP/1.1', HOST, ...GOOD), 405],
  CONNECT: [text('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example:443', ...GOOD), 405],
  'CONNECT with a path': [text('CONNECT /me HTTP/1.1', HOST, ...GOOD), 405],
  'GET *': [text('GET * HTTP/1.1', HOST, ...GOOD), 400],
  'OPTIONS *': [text('OPTIONS * HTTP/1.1', HOST, ...GOOD), 400],
  'a blank before the method': [text(' GET /me HTTP/1.1', HOST, ...GOOD), 400],
  'a tab for a blank': [text('GET\t/me HTTP/1.1', HOST, ...GOOD), 400],
  'a blank behind the version': [text('GET /me HTTP/1.1 ', HOST, ...GOOD), 400],
  'a blank in the target': [text('GET /me /x HTTP/1.1', HOST, ...GOOD), 400],
  'a lower-case version': [text('GET /me http/1.1', HOST, ...GOOD), 400],
  'a lower-case method': [text('get /me HTTP/1.1', HOST, ...GOOD), 400],
}

/** A connection whose first request has gone the short way, where there is one. */
async function openServed(): Promise<RawConnection> {
  const connection = await openRaw(gateway.publicUrl)
  connection.write(text('GET /first HTTP/1.1', HOST, ...GOOD))
  await connection.response()
  return connection
}

for (const [name, [bytes, status]] of Object.entries(REFUSED))
  t.test(`${name} is refused, and nothing of it reaches the core`, async (t) => {
    for (const open of [() => openRaw(gateway.publicUrl), openServed]) {
      const connection = await open()
      const before = upstream.requests.length
      connection.write(bytes)
      t.equal((await connection.response()).status, status)
      t.equal((await connection.untilClosed()).length, 0, 'nothing more is answered')
      t.equal(upstream.requests.length, before)
      connection.destroy()
    }
  })

t.test('HTTP/1.0 is served as itself: one answer, and the end', async (t) => {
  for (const open of [() => openRaw(gateway.publicUrl), openServed]) {
    const connection = await open()
    connection.write(text('GET /rooms HTTP/1.0', ...GOOD))
    const answer = await connection.response()
    t.equal(answer.status, 200)
    t.equal(answer.header('transfer-encoding'), undefined)
    t.equal((await connection.untilClosed()).length, 0)
    const request = upstream.requests.at(-1)
    t.match(request?.head, /^GET \/rooms HTTP\/1\.1\r\n/)
    t.match(request && identityOf(request), { kind: 'client', userId: 'ada' })
    connection.destroy()
  }
})

t.test('a request behind HTTP/1.0’s last is no request', async (t) => {
  const connection = await openRaw(gateway.publicUrl)
  const before = upstream.requests.length
  connection.write(text('GET /rooms HTTP/1.0', ...GOOD) + text('GET /behind HTTP/1.0', ...GOOD))
  await connection.untilClosed()
  t.notOk(upstream.requests.slice(before).some(({ head }) => head.includes('behind')))
})

t.test('two blanks, which Node reads as one, are one to the core', async (t) => {
  for (const open of [() => openRaw(gateway.publicUrl), openServed]) {
    const connection = await open()
    connection.write(text('GET  /rooms HTTP/1.1', HOST, ...GOOD))
    t.equal((await connection.response()).status, 200)
    t.match(upstream.requests.at(-1)?.head, /^GET \/rooms HTTP\/1\.1\r\n/)
    connection.destroy()
  }
})

t.test('h2c on any other path is a request like others: the core hears nothing of the switch', async (t) => {
  for (const open of [() => openRaw(gateway.publicUrl), openServed]) {
    const connection = await open()
    connection.write(text('GET /rooms HTTP/1.1', HOST, ...GOOD, ...H2C))
    const { status } = await connection.response()
    t.not(status, 101)
    if (status === 200) t.notMatch(upstream.requests.at(-1)?.head, /upgrade|h2c|http2-settings/i)
    connection.destroy()
  }
})
