/**
 * A socket that authenticates never costs an attacker nothing but a connection. So an address has only so many of them,
 * each only for a while, and an address is what the peer or a trusted proxy says, never what the client says.
 */
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { GOOD, startGateway } from '../support/gateway.ts'
import { openRawWebSocket, type RawWebSocket } from '../support/raw-websocket.ts'

const PER_ADDRESS = 100

async function fill(t: Test, url: string, fields: string[] = []): Promise<RawWebSocket[]> {
  const sockets: RawWebSocket[] = []
  for (let i = 0; i < PER_ADDRESS; i++) sockets.push(await openRawWebSocket(t, url, fields))
  t.ok(sockets.every(({ answer }) => answer.status === 101))
  return sockets
}

t.test('one address has so many anonymous sockets, and room again when one of them has gone', async (t) => {
  const gateway = await startGateway(t)
  const [first] = await fill(t, gateway.publicUrl)
  const refused = await openRawWebSocket(t, gateway.publicUrl)
  t.equal(refused.answer.status, 429)
  t.equal(refused.answer.header('retry-after') !== undefined, true)
  t.equal((await openRawWebSocket(t, gateway.publicUrl, ['X-Forwarded-For: 203.0.113.9'])).answer.status, 429)
  t.equal(
    (await openRawWebSocket(t, gateway.publicUrl, [...GOOD])).answer.status,
    101,
    'who is somebody comes in',
  )
  first?.connection.destroy()
  await eventually(
    'there is room again',
    async () => (await openRawWebSocket(t, gateway.publicUrl)).answer.status === 101,
  )
})

t.test('behind a trusted proxy it is the client’s address that counts', async (t) => {
  const gateway = await startGateway(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
  await fill(t, gateway.publicUrl, ['X-Forwarded-For: 203.0.113.7'])
  const from = async (address: string) =>
    (await openRawWebSocket(t, gateway.publicUrl, [`X-Forwarded-For: ${address}`])).answer.status
  t.equal(await from('203.0.113.7'), 429)
  t.equal(await from('198.51.100.1, 203.0.113.7'), 429, 'what stands left of it is the client’s own word')
  t.equal(await from('203.0.113.8'), 101)
})
