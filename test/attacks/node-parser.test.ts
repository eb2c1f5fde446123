/**
 * What Node's own parser refuses, and what it leaves to us: everything in the second table reaches our code, and the
 * gateway's rules are written for it. A Node that moves a line from one table to the other changes what those rules
 * must hold; this test is where that shows.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openRaw } from '../support/raw-http.ts'

const HOST = 'Host: a.example\r\n'
const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n\r\n${body}`
const get = (fields: string): string => `GET / HTTP/1.1\r\n${HOST}${fields}\r\n\r\n`

const REFUSED: Record<string, string> = {
  'Content-Length and Transfer-Encoding': post(
    'Content-Length: 3\r\nTransfer-Encoding: chunked',
    '0\r\n\r\n',
  ),
  'two lengths': post('Content-Length: 3\r\nContent-Length: 4', 'abcd'),
  'one length twice': post('Content-Length: 3\r\nContent-Length: 3', 'abc'),
  'a length list': post('Content-Length: 3, 3', 'abc'),
  'a signed length': post('Content-Length: +3', 'abc'),
  'a negative length': post('Content-Length: -3', 'abc'),
  'a hexadecimal length': post('Content-Length: 0x3', 'abc'),
  'a length with a blank inside': post('Content-Length: 1 2', 'abc'),
  'an empty length': post('Content-Length:', ''),
  'chunked, then something else': post('Transfer-Encoding: chunked, gzip', '0\r\n\r\n'),
  'chunked in quotes': post('Transfer-Encoding: "chunked"', '0\r\n\r\n'),
  'an unknown coding alone': post('Transfer-Encoding: xchunked', '0\r\n\r\n'),
  'a vertical tab in the coding': post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'),
  'a blank before the colon': post('Transfer-Encoding : chunked', '0\r\n\r\n'),
  'a folded line': get('X: a\r\n b'),
  'a bare CR in a value': get('X: a\rb'),
  'a bare LF after the start line': `GET / HTTP/1.1\n${HOST}\r\n`,
  'a NUL in a value': get('X: a\0b'),
  'a control character in a value': get('X: a\x01b'),
  'an empty name': get(': x'),
  'a blank in a name': get('X Y: z'),
  'no colon': get('X'),
  'a name that is not ASCII': get('X\xe4: 1'),
  'HTTP/1.1 without Host': 'GET / HTTP/1.1\r\n\r\n',
  'HTTP/1.2': `GET / HTTP/1.2\r\n${HOST}\r\n`,
  'an unknown method': `HACK / HTTP/1.1\r\n${HOST}\r\n`,
  'a lower-case method': `get / HTTP/1.1\r\n${HOST}\r\n`,
  'a target without a slash': `GET x HTTP/1.1\r\n${HOST}\r\n`,
  'a chunk size with a blank': post('Transfer-Encoding: chunked', '3 \r\nabc\r\n0\r\n\r\n'),
  'a chunk that ends in LF': post('Transfer-Encoding: chunked', '3\nabc\n0\n\n'),
  'a chunk longer than its size': post('Transfer-Encoding: chunked', '3\r\nabcd\r\n0\r\n\r\n'),
}

type Seen = Partial<Pick<IncomingMessage, 'method' | 'url' | 'httpVersion'>> & {
  headers?: object
  body?: string
}

const PASSED: Record<string, [bytes: string, seen: Seen]> = {
  'Host twice: the first wins': [get('Host: b.example'), { headers: { host: 'a.example' } }],
  'Authorization twice: the first wins': [
    get('Authorization: one\r\nAuthorization: two'),
    { headers: { authorization: 'one' } },
  ],
  'other names twice: joined': [get('X: one\r\nX: two'), { headers: { x: 'one, two' } }],
  'Host with userinfo': [
    'GET / HTTP/1.1\r\nHost: user@a.example\r\n\r\n',
    { headers: { host: 'user@a.example' } },
  ],
  'Host with a blank': ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', { headers: { host: 'a b' } }],
  'names with _ and .': [
    get('IM_Identity: 1\r\nIM.Identity: 2'),
    { headers: { im_identity: '1', 'im.identity': '2' } },
  ],
  'a length with zeros': [post('Content-Length: 003', 'abc'), { body: 'abc' }],
  'gzip, chunked': [post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), { body: '' }],
  'an empty coding before chunked': [post('Transfer-Encoding: ,chunked', '0\r\n\r\n'), { body: '' }],
  'chunk extensions': [post('Transfer-Encoding: chunked', '3;a=b\r\nabc\r\n0\r\n\r\n'), { body: 'abc' }],
  trailers: [post('Transfer-Encoding: chunked', '0\r\nIM-Identity: x\r\n\r\n'), { body: '' }],
  'latin-1 values': [get('X: \xe4'), { headers: { x: '\xe4' } }],
  'absolute-form': [`GET http://b.example/x HTTP/1.1\r\n${HOST}\r\n`, { url: 'http://b.example/x' }],
  'two slashes': [`GET //b.example/x HTTP/1.1\r\n${HOST}\r\n`, { url: '//b.example/x' }],
  'a fragment': [`GET /x#y HTTP/1.1\r\n${HOST}\r\n`, { url: '/x#y' }],
  'a backslash': [`GET /x\\y HTTP/1.1\r\n${HOST}\r\n`, { url: '/x\\y' }],
  'an escaped NUL': [`GET /x%00 HTTP/1.1\r\n${HOST}\r\n`, { url: '/x%00' }],
  'a broken escape': [`GET /x%zz HTTP/1.1\r\n${HOST}\r\n`, { url: '/x%zz' }],
  'HTTP/1.0 without Host': ['GET / HTTP/1.0\r\n\r\n', { httpVersion: '1.0' }],
  'HTTP/0.9': ['GET /\r\n\r\n', { httpVersion: '0.9' }],
  'HTTP/2.0 in the start line': [`GET / HTTP/2.0\r\n${HOST}\r\n`, { httpVersion: '2.0' }],
  TRACE: [`TRACE / HTTP/1.1\r\n${HOST}\r\n`, { method: 'TRACE' }],
  'OPTIONS *': [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, { url: '*' }],
  PROPFIND: [`PROPFIND / HTTP/1.1\r\n${HOST}\r\n`, { method: 'PROPFIND' }],
  'a GET with a body': [`GET / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`, { body: 'abc' }],
}

/** What the server made of the bytes: requests in full, refusals by status. */
async function probe(bytes: string): Promise<Seen[] | number> {
  const seen: Seen[] = []
  const server = createServer((req, res) => {
    let body = ''
    req.on('data', (chunk) => {
      body += chunk
    })
    req.on('end', () => {
      seen.push({ ...read(req), body })
      res.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = await openRaw((server.address() as AddressInfo).port)
  client.write(bytes)
  const { status } = await client.response()
  client.destroy()
  server.closeAllConnections()
  server.close()
  return status === 200 ? seen : status
}

const read = ({ method, url, httpVersion, headers }: IncomingMessage): Seen => ({
  ...(method !== undefined && { method }),
  ...(url !== undefined && { url }),
  httpVersion,
  headers,
})

for (const [name, bytes] of Object.entries(REFUSED))
  t.test(`refused by Node: ${name}`, async (t) => {
    t.type(await probe(bytes), 'number')
  })

for (const [name, [bytes, seen]] of Object.entries(PASSED))
  t.test(`left to us: ${name}`, async (t) => {
    t.match(await probe(bytes), [seen])
  })

t.test('left to us: a header __proto__ is a name like any other, and pollutes nothing', async (t) => {
  const [seen] = (await probe(get('__proto__: x'))) as Seen[]
  t.notOk(Object.hasOwn(Object.prototype, 'x'))
  t.equal(({} as { x?: unknown }).x, undefined)
  t.ok(seen)
})

t.test('left to us: an upgrade with a body has it in `head`, any version and any protocol', async (t) => {
  const server = createServer()
  const upgrades: { upgrade: string | undefined; head: string }[] = []
  server.on('upgrade', (req, socket, head) => {
    upgrades.push({ upgrade: req.headers.upgrade, head: String(head) })
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const upgrade = (method: string, fields: string, body = '') =>
    `${method} / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\n${fields}\r\n\r\n${body}`
  for (const bytes of [
    upgrade('GET', 'Upgrade: websocket\r\nContent-Length: 3', 'abc'),
    upgrade('POST', 'Upgrade: websocket\r\nContent-Length: 3', 'abc'),
    upgrade('GET', 'Upgrade: h2c'),
    upgrade('GET', 'Upgrade: websocket\r\nSec-WebSocket-Version: 8'),
  ]) {
    const client = await openRaw((server.address() as AddressInfo).port)
    client.write(bytes)
    await client.untilClosed()
    client.destroy()
  }
  t.match(upgrades, [
    { upgrade: 'websocket', head: /^(abc)?$/ },
    { upgrade: 'websocket', head: /^(abc)?$/ },
    { upgrade: 'h2c' },
    { upgrade: 'websocket' },
  ])
})
