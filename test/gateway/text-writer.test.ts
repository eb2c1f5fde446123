import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import t from 'tap'
import { socketInternals } from '../../gateway/node-socket.ts'
import { readInto } from '../../gateway/read-into.ts'
import { TextWriter } from '../../gateway/text-writer.ts'
import { createRandom } from '../chaos/random.ts'
import { createCertificate } from '../support/certificate.ts'
import type { Scope } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'

type Opened = Socket & { _handle: { writeLatin1String(request: object, text: string): number } }

/** A connected socket, and the other end of it, which reads nothing until it is told to. */
async function connection(t: Scope): Promise<[Opened, Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }) as Opened
  const [[peer]] = await Promise.all([once(server, 'connection'), once(socket, 'connect')])
  socket.on('error', () => undefined)
  t.teardown(() => {
    socket.destroy()
    peer.destroy()
    server.close()
  })
  return [socket, peer]
}

/** What arrives, a character a byte. */
function readFrom(peer: Socket): { text: string } {
  const read = { text: '' }
  peer.setEncoding('latin1').on('data', (text) => {
    read.text += text
  })
  peer.resume()
  return read
}

/** More than the kernel takes for a peer that does not read. */
const LARGE = 'large '.repeat(2_000_000)

t.test('the Node that is used has a way past its streams', (t) => {
  t.not(socketInternals(), null)
  t.end()
})

t.test('what the kernel takes whole is written past the stream', async (t) => {
  const [socket, peer] = await connection(t)
  const writer = new TextWriter(socket)
  let isByStream = false
  socket._write = () => {
    isByStream = true
  }
  t.equal(writer.write('one \xff\x00'), true)
  t.equal(writer.write('two'), true)
  t.equal(writer.needsDrain, false)
  t.equal(writer.unsentBytes, 0)
  const read = readFrom(peer)
  await eventually('it arrives', () => read.text === 'one \xff\x00two')
  t.equal(isByStream, false)
  t.equal(socket.bytesWritten, 9)
})

t.test('what the kernel does not take is waited for, and nothing overtakes it', async (t) => {
  const [socket, peer] = await connection(t)
  const writer = new TextWriter(socket)
  let drains = 0
  socket.on('drain', () => drains++)
  t.equal(writer.write(LARGE), false)
  t.equal(writer.needsDrain, true)
  const unsent = writer.unsentBytes
  t.ok(unsent > 0 && unsent < LARGE.length, `${unsent} bytes wait`)
  t.equal(writer.write('second '), false, 'and more would have to')
  socket.write(Buffer.from('third '))
  t.equal(writer.write('fourth'), false)
  t.ok(writer.unsentBytes > unsent)
  await delay(20)
  t.equal(drains, 0)
  const read = readFrom(peer)
  await eventually('all arrives', () => read.text.length === LARGE.length + 19)
  t.ok(read.text === `${LARGE}second third fourth`, 'in its order')
  await eventually('the owner is told', () => drains === 1)
  t.equal(writer.needsDrain, false)
  t.equal(writer.unsentBytes, 0)
  writer.write(' fifth')
  await eventually('it goes on', () => read.text.endsWith('fourth fifth'))
})

t.test('where the stream waits as well, it is the stream that tells', async (t) => {
  const [socket, peer] = await connection(t)
  const writer = new TextWriter(socket)
  let drains = 0
  socket.on('drain', () => {
    drains++
    t.equal(writer.needsDrain, false, 'once nothing waits any more')
  })
  writer.write(LARGE)
  t.equal(socket.write(Buffer.alloc(500_000, 'x')), false)
  const read = readFrom(peer)
  await eventually('all arrives', () => read.text.length === LARGE.length + 500_000)
  await eventually('the owner is told', () => drains === 1)
})

t.test('what was written before an end arrives before it', async (t) => {
  const [socket, peer] = await connection(t)
  const writer = new TextWriter(socket)
  writer.write(LARGE)
  socket.end('the end')
  t.equal(writer.write('too late'), true)
  const read = readFrom(peer)
  await once(peer, 'end')
  t.ok(read.text === `${LARGE}the end`)
})

t.test('so does a socket that is to be destroyed soon', async (t) => {
  const [socket, peer] = await connection(t)
  new TextWriter(socket).write(LARGE)
  socket.destroySoon()
  const read = readFrom(peer)
  await once(peer, 'end')
  t.ok(read.text === LARGE)
  await eventually('it is closed', () => socket.destroyed)
})

t.test(
  'a peer that goes while something waits for it takes the socket along, though nobody reads',
  async (t) => {
    const [socket, peer] = await connection(t)
    readInto(socket, () => true)
    socket.pause()
    const writer = new TextWriter(socket)
    writer.write(LARGE)
    peer.resetAndDestroy()
    await eventually('it is closed', () => socket.closed)
    t.equal(writer.write('nobody there'), true)
  },
)

t.test('a socket that is destroyed is not written to, nor is anybody told', async (t) => {
  const [socket] = await connection(t)
  const writer = new TextWriter(socket)
  socket.on('drain', () => t.fail('told of a drain'))
  writer.write(LARGE)
  socket.destroy()
  t.equal(writer.write('nobody there'), true)
  await once(socket, 'close')
  await delay(10)
})

t.test('what the handle refuses is left to the stream', async (t) => {
  const [socket, peer] = await connection(t)
  const writer = new TextWriter(socket)
  const { _handle: handle } = socket
  const write = handle.writeLatin1String
  handle.writeLatin1String = () => {
    handle.writeLatin1String = write
    return -32
  }
  writer.write('one')
  writer.write('two')
  const read = readFrom(peer)
  await eventually('it arrives', () => read.text === 'onetwo')
  const error = once(socket, 'error')
  handle.writeLatin1String = () => -32
  writer.write('three')
  t.match(await error, [{ code: 'EPIPE' }])
})

t.test('what is written before there is a connection arrives', async (t) => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  const writer = new TextWriter(socket)
  writer.write('one')
  const [peer] = (await once(server, 'connection')) as [Socket]
  writer.write('two')
  const read = readFrom(peer)
  await eventually('it arrives', () => read.text === 'onetwo')
  peer.destroy()
})

t.test('through TLS it is the stream that writes', async (t) => {
  const { key, cert } = createCertificate()
  const server = tls.createServer({ key, cert })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = tls.connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false })
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  const [[peer]] = await Promise.all([once(server, 'secureConnection'), once(socket, 'secureConnect')])
  t.equal(new TextWriter(socket).write('text'), true)
  const read = readFrom(peer)
  await eventually('it arrives', () => read.text === 'text')
  peer.destroy()
})

t.test('texts and buffers in any order arrive in that order, however slowly they are read', async (t) => {
  const random = createRandom(20_261_129)
  const [socket, peer] = await connection(t)
  const writer = new TextWriter(socket)
  const read = readFrom(peer)
  let written = ''
  let waited = 0
  for (let i = 0; i < 400; i++) {
    const text = String.fromCharCode(random.between(0, 255)).repeat(
      random.between(1, random.chance(0.1) ? 2_000_000 : 3_000),
    )
    written += text
    const goesOn = random.chance(0.3) ? socket.write(Buffer.from(text, 'latin1')) : writer.write(text)
    if (random.chance(0.2)) peer.pause()
    if (random.chance(0.2)) peer.resume()
    if (goesOn || random.chance(0.3)) continue
    t.equal(writer.needsDrain, true)
    waited++
    peer.resume()
    await once(socket, 'drain')
  }
  peer.resume()
  socket.end()
  await once(peer, 'end')
  t.ok(read.text === written, `${written.length} bytes`)
  t.ok(waited > 5, `waited ${waited} times`)
})
