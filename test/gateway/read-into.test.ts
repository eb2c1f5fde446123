import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { readBuffer, readByStream, readInto } from '../../gateway/read-into.ts'
import type { Scope } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'

/** Both ends of a connection; the accepted one as the server tells of it, before anything is read. */
async function connection(t: Scope, onAccepted: (socket: Socket) => void): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true })
  const accepted = new Promise<Socket>((resolve) => {
    server.on('connection', (socket) => {
      onAccepted(socket)
      resolve(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const socket = await accepted
  t.teardown(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  return [client, socket]
}

t.test('the Node that is used reads accepted sockets into the one buffer', async (t) => {
  const pieces: string[] = []
  let isRead = false
  let hasData = false
  const [client, socket] = await connection(t, (accepted) => {
    accepted.on('data', () => {
      hasData = true
    })
    isRead = readInto(accepted, function (length) {
      t.equal(this, accepted)
      pieces.push(readBuffer.toString('latin1', 0, length))
      return true
    })
  })
  t.equal(isRead, true)
  client.write('one')
  await eventually('it is read', () => pieces.join() === 'one')
  client.end('two')
  await once(socket, 'end')
  t.equal(pieces.join(), 'one,two')
  t.equal(hasData, false)
  t.equal(socket.bytesRead, 6)
})

t.test('whoever answers false is told nothing more until the socket is resumed', async (t) => {
  const pieces: string[] = []
  const [client, socket] = await connection(t, (accepted) => {
    readInto(accepted, (length) => {
      pieces.push(readBuffer.toString('latin1', 0, length))
      return pieces.length > 1
    })
  })
  client.write('one')
  await eventually('the first is read', () => pieces.length === 1)
  client.write('two')
  await delay(30)
  t.same(pieces, ['one'])
  socket.resume()
  await eventually('the second is read', () => pieces.length === 2)
  t.same(pieces, ['one', 'two'])
})

t.test('given back to its stream, what a socket receives is its own, and can be paused', async (t) => {
  const [client, socket] = await connection(t, (accepted) => {
    readInto(accepted, () => true)
    readByStream(accepted)
  })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  client.write('one')
  await eventually('the first arrives', () => chunks.length === 1)
  socket.pause()
  client.write('two')
  await delay(30)
  t.equal(chunks.length, 1)
  socket.resume()
  await eventually('the second arrives', () => chunks.length === 2)
  readBuffer.fill(0, 0, 16)
  t.equal(Buffer.concat(chunks).toString(), 'onetwo')
})

t.test('a socket that connects as well, each piece into the buffer that was named for it', async (t) => {
  const [client, accepted] = await connection(t, () => undefined)
  const own = Buffer.alloc(4)
  const pieces: string[] = []
  let isOwn = false
  const onRead = (length: number, buffer: Buffer): boolean => {
    pieces.push(`${buffer === own ? 'own' : 'shared'} ${buffer.toString('latin1', 0, length)}`)
    isOwn = pieces.length === 1
    return true
  }
  t.equal(
    readInto(client, onRead, () => (isOwn ? own : readBuffer)),
    true,
  )
  accepted.write('one')
  await eventually('the first is read', () => pieces.length === 1)
  accepted.write('twothree')
  await eventually('the rest is read', () => pieces.length === 3)
  t.same(pieces, ['shared one', 'own twot', 'shared hree'])
})

t.test('asked for again, there is another listener, that goes on where the first one ended', async (t) => {
  const pieces: string[] = []
  const into = (name: string) => (length: number) =>
    pieces.push(`${name} ${readBuffer.toString('latin1', 0, length)}`) > 0
  const [client, socket] = await connection(t, (accepted) => {
    readInto(accepted, into('first'))
  })
  client.write('one')
  await eventually('the first is read', () => pieces.length === 1)
  readInto(socket, into('second'))
  client.write('two')
  await eventually('the second is read', () => pieces.length === 2)
  t.same(pieces, ['first one', 'second two'])
})

t.test('a connection that breaks is told of by Node, as ever', async (t) => {
  const [client, socket] = await connection(t, (accepted) => {
    readInto(accepted, () => true)
  })
  const error = once(socket, 'error')
  client.resetAndDestroy()
  t.match(await error, [{ code: 'ECONNRESET' }])
  await eventually('it is closed', () => socket.closed)
})

t.test('a connection that is none of Node’s own has no place for it', async (t) => {
  t.equal(
    readInto(new PassThrough() as unknown as Socket, () => true),
    false,
  )
})
