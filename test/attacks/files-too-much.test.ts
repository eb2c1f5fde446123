/**
 * An upload is the one request whose body is large by right. It is made endless, larger than the limit, of countless
 * parts, of huge fields, so slow that it never ends, cut in the middle, or sent many times at once: each holds a
 * connection, memory or disk. None may be kept beyond its limit, leave half a file behind, or keep others from theirs.
 */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import t from 'tap'
import { type ContractServer, startContractServer, type TestApp } from '../contract/server.ts'
import { eventually } from '../support/eventually.ts'
import { type FormPart, formOf } from '../support/multipart.ts'

const IDLE_MS = 300
const server: ContractServer = await startContractServer(t, 'pglite', {}, { idleMs: IDLE_MS, perCaller: 3 })
const app = await server.newApp()

const MAX_BYTES = 1_000_000
const post = (parts: FormPart[], of: TestApp = app) => {
  const { body, contentType } = formOf(parts)
  const headers = { 'Content-Type': contentType }
  return of.user('ann').call('POST', '/files/b', undefined, { rawBody: body, headers })
}
const file = (content: string | Buffer): FormPart => ({
  name: 'file',
  content,
  filename: 'x',
  type: 'text/plain',
})

async function left(): Promise<number> {
  const entries = await readdir(server.filesDirectory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).length
}

/** The beginning of an upload that goes on for as long as its sender likes. */
function begin(of: TestApp = app) {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  const { contentType } = formOf([])
  const fields = Object.entries({ ...of.user('ann').headers, 'Content-Type': contentType })
  const boundary = contentType.split('boundary=')[1]
  socket.write(
    `POST /files/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${fields
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  )
  const chunk = (text: string) => socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
  chunk(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nbeginning`)
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  socket.on('error', () => {})
  return { socket, chunk, answer: () => answer }
}

t.test('a byte too many is refused, and nothing is left of the others', async (t) => {
  t.equal((await post([file(Buffer.alloc(MAX_BYTES))])).status, 200)
  const before = await left()
  t.match(await post([file(Buffer.alloc(MAX_BYTES + 1))]), { status: 413, code: 'PAYLOAD_TOO_LARGE' })
  t.equal(await left(), before)
})

t.test('an endless file is cut off at the limit, not at its end', async (t) => {
  const { socket, chunk, answer } = begin()
  const text = 'x'.repeat(65_536)
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  let sentBytes = 0
  while (!closed && sentBytes < 50 * MAX_BYTES) {
    sentBytes += text.length
    if (!chunk(text)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
  }
  await eventually('it is refused', () => answer().startsWith('HTTP/1.1 413'))
  await eventually('the connection is closed', () => closed)
  t.ok(sentBytes < 50 * MAX_BYTES, 'long before its sender had enough')
})

t.test('countless parts and huge fields are refused', async (t) => {
  const before = await left()
  const many = Array.from({ length: 50 }, (_, i) => ({ name: `f${i}`, content: 'x' }))
  for (const [what, parts] of [
    ['parts', [...many, file('x')]],
    ['parts after the file', [file('x'), ...many]],
    ['a field', [{ name: 'extra', content: `"${'x'.repeat(70_000)}"` }, file('x')]],
    ['a prototype', [{ name: '__proto__', content: 'x' }, file('x')]],
  ] as [string, FormPart[]][]) {
    const { status } = await post(parts)
    t.ok(status === 413 || status === 400, `${what}: ${status}`)
  }
  t.equal(await left(), before)
})

t.test('who stops sending is told so and let go, wherever it stops', async (t) => {
  const before = await left()
  const inFile = begin()
  await once(inFile.socket, 'close')
  t.match(inFile.answer(), /^HTTP\/1\.1 408 /)
  t.match(inFile.answer(), /REQUEST_TIMEOUT/)
  t.equal(await left(), before)
})

t.test('who goes away in the middle leaves nothing', async (t) => {
  const before = await left()
  const { socket } = begin()
  await eventually('its file has begun', async () => (await left()) > before)
  socket.destroy()
  await eventually('its file is gone', async () => (await left()) === before)
  await eventually('it is forgotten', async () => {
    const rows = await server.chat.db.query('', 'SELECT id FROM files WHERE stored_at IS NULL')
    return rows.length === 0
  })
  t.equal(await left(), before)
})

t.test('a credential has so many uploads at once, and others are not held up by them', async (t) => {
  const before = await left()
  const held = [begin(), begin(), begin()]
  await eventually('three are under way', async () => (await left()) === before + 3)
  t.match(await post([file('x')]), { status: 429, code: 'TOO_MANY_REQUESTS' })
  t.equal((await post([file('x')], await server.newApp())).status, 200)
  for (const { socket } of held) socket.destroy()
  await eventually('there is room again', async () => (await post([file('x')])).status === 200)
})
