/**
 * The `auth` event in every shape that could mean one thing to the gateway and another to the core, sent to the real
 * two: after each the socket is nobody (or closed), and the core has never seen a credential or an unsigned claim.
 */
import t, { type Test } from 'tap'
import { frameBytes, openRawWebSocket, type RawWebSocket } from '../support/raw-websocket.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t, { gatewayEnv: { RATE_LIMIT_REFUSED: '100000' } })
const { clientKey } = stack.keys
const alice = await stack.createUser('alice')
const token = alice.token
const headers = JSON.stringify({ CLIENT_KEY: clientKey, Authorization: token })

async function openSocket(t: Test): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(t, stack.url)
  t.match(await socket.text(), /^0\{/)
  socket.sendText('40')
  t.match(await socket.text(), /^40\{/)
  return socket
}

/** Asks for something that only a user may; undefined where the socket is gone. */
async function standing(socket: RawWebSocket): Promise<number | undefined> {
  if (socket.connection.isClosed()) return undefined
  socket.sendText('42999["chat message",{"room":"x","messageType":"text","message":"x"}]')
  try {
    for (;;) {
      const { opcode, payload } = await socket.frame()
      if (opcode === 8) return undefined
      const text = payload.toString()
      if (text.startsWith('43999')) return JSON.parse(text.slice(5))[0].RC
    }
  } catch {
    return undefined
  }
}

const NOBODY: Record<string, string[]> = {
  'no argument': ['421["auth2"]'],
  'a token that is a number': ['421["auth",7]'],
  'a token that is an object': [`421["auth",{"token":"${token}"}]`],
  'a token in an array': [`421["auth",["${token}"]]`],
  'headers that are an array': [`421["auth2","${token}",["CLIENT_KEY","${clientKey}"]]`],
  'headers that are text': [`421["auth2","${token}","CLIENT_KEY"]`],
  'a header that is an object': [`421["auth2","${token}",{"CLIENT_KEY":{"a":"${clientKey}"}}]`],
  'a key through __proto__': [
    `421["auth2","no",{"__proto__":{"Authorization":"${token}","CLIENT_KEY":"${clientKey}"}}]`,
  ],
  'an identity of its own making': ['421["auth2",{"identity":"v1.test.e30.x"}]'],
  'a refusal of its own making': ['421["auth2",{"refused":{"code":"OK","RC":400}}]'],
  'on another namespace': [`42/admin,1["auth2","${token}",${headers}]`],
  'on a namespace that is the main one to some': [`42//,1["auth2","${token}",${headers}]`],
  'as a binary event': [`451-1["auth2","${token}",${headers}]`],
  'as a binary event with its name in an attachment': ['451-1[{"_placeholder":true,"num":0}]'],
  'with an ack id in exponent': [`421e1["auth2","${token}",${headers}]`],
  'with blanks before the array': [`42 1["auth2","${token}",${headers}]`],
  'in capital letters': [`421["AUTH2","${token}",${headers}]`],
  'a broken escape': [`421["\\U0061uth2","${token}",${headers}]`],
  'cut short': [`421["auth2","${token}",${headers}`],
  'a CONNECT to another namespace with a token': [`40/admin,{"token":"${token}"}`],
  'a CONNECT with an identity of its own making': ['40{"im-identity":"v1.test.e30.x"}'],
  'a key of another app beside it': [`421["auth2","${token}",{"CLIENT_KEY":"of-another"}]`],
  'twenty in a row, all wrong': Array.from({ length: 20 }, (_, i) => `42${i}["auth","wrong-${i}"]`),
  'the right one, then a wrong one': [
    `421["auth2","${token}",${headers}]`,
    `422["auth2","wrong",${headers.replaceAll(token, 'wrong')}]`,
  ],
}

for (const [name, packets] of Object.entries(NOBODY)) {
  t.test(`nobody: ${name}`, async (t) => {
    const socket = await openSocket(t)
    for (const packet of packets) socket.sendText(packet)
    const rc = await standing(socket)
    t.ok(rc === undefined || rc === 401, `${rc}`)
  })
}

const SOMEBODY: Record<string, Buffer[]> = {
  plain: [frameBytes(`421["auth2","${token}",${headers}]`)],
  'in escapes': [frameBytes(`421["\\u0061\\u0075\\u0074\\u0068\\u0032","${token}",${headers}]`)],
  'in fragments': [...`421["auth2","${token}",${headers}]`].map((letter, i, all) =>
    frameBytes(letter, { opcode: i === 0 ? 1 : 0, final: i === all.length - 1 }),
  ),
  'batched behind others': [
    Buffer.concat([
      frameBytes('420["conf",{}]'),
      frameBytes('3'),
      frameBytes(`421["auth2","${token}",${headers}]`),
    ]),
  ],
  'a wrong one, then the right one': [
    frameBytes('421["auth","wrong"]'),
    frameBytes(`422["auth2","${token}",${headers}]`),
  ],
}

for (const [name, bytes] of Object.entries(SOMEBODY)) {
  t.test(`somebody, and exchanged: ${name}`, async (t) => {
    const socket = await openSocket(t)
    for (const piece of bytes) socket.connection.write(piece)
    t.equal(await standing(socket), 403, 'known, and no member of that room')
  })
}

t.test('one that is larger than is held ends the socket, and the next one is not affected', async (t) => {
  const socket = await openSocket(t)
  socket.sendText(`421["auth2","${'x'.repeat(40_000)}"]`)
  t.equal(await standing(socket), undefined)
  t.equal(await standing(await openSocket(t)), 401)
})

t.test('the core has seen no unsigned claim through all this', async (t) => {
  t.notMatch(stack.cores[0]!.logs(), 'UNSIGNED_AUTH_EVENT')
  t.notOk(stack.logs().includes(token))
})
