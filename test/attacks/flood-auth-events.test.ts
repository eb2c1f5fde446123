/**
 * One socket that sends `auth` events without end, each with another token. Its address soon has no lookups left, so
 * the user store is spared; and a socket that keeps proving nothing is closed.
 */
import t from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway } from '../support/gateway.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'

const auth = (token: string) => `42["auth","${token}",{"IM-Client-Key":"demo_clientkey"}]`

t.test('a flood of bad tokens in one socket is bounded, for the user store and for the core', async (t) => {
  const gateway = await startGateway(t, { env: { RATE_LIMIT_REFUSED: '10' } })
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  const { connection } = await gateway.upstream.next()
  for (let i = 0; i < 200; i++) socket.sendText(auth(`guess-${i}`))
  const { opcode, payload } = await socket.frame()
  t.equal(opcode, 8)
  t.equal(payload.readUInt16BE(), 1008)
  await connection.closed
  t.equal(readTexts(connection.tunnelled()).length, 31)
  t.equal(gateway.core.asked('client-token'), 10)
})

t.test('whoever proves something in between stays', async (t) => {
  const gateway = await startGateway(t)
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  const { connection } = await gateway.upstream.next()
  for (let i = 0; i < 60; i++) socket.sendText(auth(i % 20 === 19 ? 'ada-token' : 'guess'))
  await eventually('all went on', () => readTexts(connection.tunnelled()).length === 60)
  t.notOk(socket.connection.isClosed())
})
