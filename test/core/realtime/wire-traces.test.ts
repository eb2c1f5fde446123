import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'undici'
import { anonymous, sign, user } from './identities.ts'
import { startSockets, type TestCore } from './test-core.ts'

/** What shipped clients send as it goes over the wire, and what they are sent; `*` for what differs each time. */
const argument = JSON.stringify({ identity: sign(user('ann')) })
const base64 = (text: string) => Buffer.from(text).toString('base64')
const welcome = '{"RC":0,"RM":"OK","result":{"client":"ann"}}'
const read = '{"roomID":"lobby","memberID":"bob","messageID":"m"}'

const begun4 = ['> 40', '< 40{"sid":"*"}']
const begun3 = ['< 40']
const encoded = [
  '> 420["conf",{"encoding":"base64"}]',
  '< 430[]',
  `> 421["auth2",${argument}]`,
  `< 431["${base64(welcome)}"]`,
  '! bob reads',
  `< 42["lastRead","${base64(read)}"]`,
]
const plain = [`> 420["auth",${argument}]`, `< 430[${welcome}]`, '! bob reads', `< 42["lastRead",${read}]`]
/** No answer is asked for; the one to `typing` comes after what was done before. */
const unanswered = [
  `> 42["auth2",${argument}]`,
  '> 420["typing",""]',
  '< 430[{"RC":400,*}]',
  '! bob reads',
  `< 42["lastRead",${read}]`,
]
const pinged3 = ['> 2', '< 3']

const traces: Record<string, [query: string, trace: string[]]> = {
  'the JavaScript library, web and Flutter': ['EIO=4', [...begun4, ...encoded]],
  'the official web UIs': ['EIO=4&b64=1', [...begun4, ...unanswered]],
  'the web UI before that': ['EIO=3', [...begun3, ...encoded, ...pinged3]],
  'the demo pages’ library': ['EIO=3', [...begun3, ...plain, ...pinged3]],
  'native clients that do not name their protocol': ['', [...begun3, ...plain, ...pinged3]],
}

for (const [name, [query, trace]] of Object.entries(traces))
  t.test(`${name}: the wire, packet by packet`, async (t) => {
    const core = await startSockets(t)
    core.chat.roomsOf.set('ann', ['lobby'])
    const client = await open(t, core, query)
    // Older clients take a connection for lost that shows no ping within six seconds (contract: realtime §1.6).
    t.match(JSON.parse((await client.next()).slice(1)), {
      upgrades: [],
      pingInterval: 5_000,
      pingTimeout: Number,
    })
    for (const line of trace) {
      const text = line.slice(2)
      if (line.startsWith('>')) client.send(text)
      else if (line.startsWith('!')) bobReads(core)
      else {
        const packet = await client.next()
        t.ok(isLike(packet, text), `${line}: ${packet}`)
      }
    }
    t.equal(client.extensions, '', 'compression was offered, and declined')
  })

t.test('from Engine.IO 4 on it is the server that pings', async (t) => {
  const core = await startSockets(t, { limits: { pingIntervalMs: 20 } })
  const client = await open(t, core, 'EIO=4')
  await client.next()
  t.equal(await client.next(), '2')
})

function bobReads(core: TestCore): void {
  const to = { roomId: 'lobby' }
  core.realtime.publish({ type: 'read', app: 'shop', to, roomId: 'lobby', userId: 'bob', messageId: 'm' })
}

function isLike(packet: string, text: string): boolean {
  const [start = '', end] = text.split('*')
  return end === undefined ? packet === text : packet.startsWith(start) && packet.endsWith(end)
}

async function open(t: Test, core: TestCore, query: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${core.port}/socket.io/?transport=websocket&${query}`, {
    headers: { 'im-identity': sign(anonymous) },
  })
  t.teardown(() => socket.close())
  const received: string[] = []
  let look = () => {}
  socket.addEventListener('message', ({ data }) => {
    received.push(String(data))
    look()
  })
  await once(socket, 'open')
  return {
    extensions: socket.extensions,
    send: (text: string) => socket.send(text),
    async next(): Promise<string> {
      const { promise, resolve } = Promise.withResolvers<void>()
      look = resolve
      if (received.length === 0) await promise
      return received.shift() ?? ''
    },
  }
}
