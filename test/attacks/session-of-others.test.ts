/**
 * An Engine.IO session id in somebody else's hands, or one transport authenticated and another used: a session belongs
 * to who began it (or authenticated in it), on every transport, and its credential's end is its own end on all of them.
 */
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey, platformKey } = stack.keys
const [alice, bob] = [await stack.createUser('alice'), await stack.createUser('bob')]
const target = '/socket.io/?EIO=4&transport=polling'
const fieldsOf = (token: string) => [`IM-Client-Key: ${clientKey}`, `IM-Authorization: ${token}`]

const get = (sid: string, fields: string[]) =>
  sendRaw(stack.url, requestText(`GET ${target}${sid === '' ? '' : `&sid=${sid}`} HTTP/1.1`, fields))
const post = (sid: string, fields: string[], body: string) =>
  sendRaw(
    stack.url,
    requestText(
      `POST ${target}&sid=${sid} HTTP/1.1`,
      [...fields, `Content-Length: ${Buffer.byteLength(body)}`],
      body,
    ),
  )

async function open(fields: string[]): Promise<string> {
  const { status, text } = await get('', fields)
  if (status !== 200) throw new Error(`the handshake was answered ${status}`)
  return JSON.parse(text().slice(1)).sid
}

const STRANGERS: Record<string, string[]> = {
  'another user': fieldsOf(bob.token),
  nobody: [],
  'a client key alone': [`IM-Client-Key: ${clientKey}`],
  'a platform key': [`IM-API-KEY: ${platformKey}`],
  'a platform key that acts for her': [`IM-API-KEY: ${platformKey}`, 'IM-Client-ID: alice'],
}

async function mayNot(t: Test, sid: string, who: string, fields: string[]): Promise<void> {
  for (const [how, answer] of [
    ['polls', await get(sid, fields)],
    ['writes', await post(sid, fields, '40')],
  ] as const)
    t.equal(answer.status, 403, `${who} ${how}`)
  const upgrade = `/socket.io/?EIO=4&transport=websocket&sid=${sid}`
  const socket = await openRawWebSocket(t, stack.url, fields, upgrade)
  t.equal(socket.answer.status, 403, `${who} upgrades`)
}

t.test('a session opened with credentials is used with the same, and by nobody else', async (t) => {
  const sid = await open(fieldsOf(alice.token))
  for (const [who, fields] of Object.entries(STRANGERS)) await mayNot(t, sid, who, fields)
  t.equal((await post(sid, fieldsOf(alice.token), '40')).status, 200, 'it is still hers')
  t.match((await get(sid, fieldsOf(alice.token))).text(), /^40\{"sid"/)
})

const auth = (token: string) =>
  `420["auth2","${token}",{"CLIENT_KEY":"${clientKey}","Authorization":"${token}"}]`

t.test('a session that authenticated in an event is no other user’s to use', async (t) => {
  const sid = await open([])
  await post(sid, [], '40')
  t.match((await get(sid, [])).text(), /^40\{"sid"/)
  await post(sid, [], auth(alice.token))
  const answer = async () => (await get(sid, [])).text()
  let texts = await answer()
  if (!texts.includes('"alice"')) texts += await answer()
  t.match(texts, '"client":"alice"')
  await mayNot(t, sid, 'another user', fieldsOf(bob.token))
})

t.test('an id that was never given is nobody’s: no session is made for it', async (t) => {
  for (const sid of ['made.up', 'made-up', '', '..', '__proto__', 'x'.repeat(300)])
    for (const fields of [[], fieldsOf(alice.token)]) {
      const { status } = await post(sid, fields, auth(alice.token))
      t.ok(status >= 400 && status < 500, `${sid}: ${status}`)
    }
})

t.test(
  'a session that went from polling to a websocket ends with the credential that it polled with',
  async (t) => {
    const carol = await stack.createUser('carol')
    const socket = connectSocket(t, 4, stack.url, {
      transports: ['polling', 'websocket'],
      reconnection: false,
    })
    await socket.connected
    const headers = { CLIENT_KEY: clientKey, Authorization: carol.token }
    t.match(await socket.ask('auth2', carol.token, headers), { RC: 0 })
    const tunnels = async () =>
      (await (await fetch(`${stack.gateways[0]!.adminUrl}/metrics`)).text())
        .match(/gateway_tunnels\{.*\d/g)
        ?.join()
    await eventually('the websocket stands, and is known as hers', async () =>
      /identified"\} [1-9]/.test((await tunnels()) ?? ''),
    )
    await stack.platform.ok('DELETE', '/admin/clients/carol/token', { token: carol.token })
    await socket.disconnected
    t.pass('and it is gone')
  },
)
