import { createHmac } from 'node:crypto'
import t from 'tap'
import { webhookAddress } from '../../../core/outbox/webhook-address.ts'
import { DATABASES } from '../../contract/server.ts'
import { eventually } from '../../support/eventually.ts'
import { type Received, startReceiver } from './receiver.ts'
import { type Stand, startStand } from './stand.ts'

const DAY_MS = 86_400_000

async function newRoom(stand: Stand, webhook: string | undefined, fields: object = {}) {
  const app = await stand.newApp()
  await app.platform().ok('POST', '/admin/clients', { _id: 'ann', nickname: 'Ann' })
  await app.platform().ok('POST', '/rooms', {
    _id: 'r1',
    members: ['ann', 'bob'],
    roomType: 'group',
    webhook,
    ...fields,
  })
  return app
}

const texts = (received: readonly Received[]) =>
  received
    .filter(({ body }) => body.event === 'MESSAGE')
    .map(({ body }) => (body.data as { message: string }).message)

for (const kind of DATABASES)
  t.test(`webhooks on ${kind}`, async (t) => {
    const stand = await startStand(t, kind)

    t.test('tell a room’s events with what the contract names', async (t) => {
      const receiver = await startReceiver(t)
      const { app, platform, user } = await newRoom(stand, receiver.url)
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'hello' })
      await user('cem').ok('POST', '/rooms/r1/join')
      await platform('ann').ok('POST', '/rooms/r1/delete/members', { members: ['bob'] })
      const got = (await receiver.come(4)).map(({ body }) => body)
      t.match(got, [
        {
          event: 'ADD_MEMBERS',
          clientID: null,
          data: { room: 'r1', sender: null, members: [{ _id: 'ann' }, { _id: 'bob' }] },
        },
        {
          event: 'MESSAGE',
          appID: app,
          clientID: 'ann',
          roomID: 'r1',
          data: { message: 'hello', seq: 1, sender: { _id: 'ann', nickname: 'Ann' } },
        },
        { event: 'JOIN_ROOM', clientID: 'cem', data: { sender: { _id: 'cem' }, members: [{ _id: 'cem' }] } },
        { event: 'DELETE_MEMBERS', clientID: 'ann', data: { members: [{ _id: 'bob' }] } },
      ])
      t.equal(new Set(got.map((body) => body.eventID)).size, 4)
    })

    t.test('are silent where the bot is off, and where there is no webhook', async (t) => {
      const receiver = await startReceiver(t)
      const { user, platform } = await newRoom(stand, receiver.url, { botMode: false })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'not told' })
      await stand.outboxIsEmpty()
      await platform().ok('PUT', '/rooms/r1', { botMode: true })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'told' })
      await receiver.come(1)
      t.strictSame(texts(receiver.received), ['told'])
    })

    t.test(
      'are tried again until they are taken, in the order of the room, each with its one id',
      async (t) => {
        const receiver = await startReceiver(t, (_request, index) => ({
          status: index % 3 === 2 ? 200 : 500,
        }))
        const { user } = await newRoom(stand, receiver.url)
        for (const message of ['one', 'two', 'three'])
          await user('ann').ok('POST', '/rooms/r1/message', { message })
        await receiver.come(12)
        t.strictSame(
          receiver.received.map(({ body }) => body.eventID),
          receiver.received.map((_, i) => receiver.received[i - (i % 3)]?.body.eventID),
        )
        t.strictSame(texts(receiver.received.filter((_, i) => i % 3 === 2)), ['one', 'two', 'three'])
        t.equal(new Set(receiver.received.slice(0, 3).map(({ text }) => text)).size, 1, 'to the byte')
      },
    )

    t.test('of one room do not wait for a receiver that hangs in another', async (t) => {
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      const hanging = await startReceiver(t, async () => {
        await held
        return {}
      })
      const receiver = await startReceiver(t)
      const slow = await newRoom(stand, hanging.url)
      const quick = await newRoom(stand, receiver.url)
      await slow.user('ann').ok('POST', '/rooms/r1/message', { message: 'slow' })
      await hanging.come(1)
      await quick.user('ann').ok('POST', '/rooms/r1/message', { message: 'quick' })
      await receiver.come(2)
      release()
      await hanging.come(2)
      t.strictSame(texts(receiver.received), ['quick'])
    })

    t.test('follow no redirect', async (t) => {
      const elsewhere = await startReceiver(t)
      const receiver = await startReceiver(t, (_request, index) =>
        index === 0 ? { status: 302, headers: { location: elsewhere.url } } : {},
      )
      await newRoom(stand, receiver.url)
      await receiver.come(2)
      t.equal(elsewhere.received.length, 0)
    })

    t.test('are signed with two live secrets', async (t) => {
      const receiver = await startReceiver(t)
      const { platform } = await stand.newApp()
      const old = await platform().ok('POST', '/admin/webhooks/secrets')
      const first = await platform().ok('POST', '/admin/webhooks/secrets')
      const second = await platform().ok('POST', '/admin/webhooks/secrets')
      const listed = await platform().ok('GET', '/admin/webhooks/secrets')
      t.match(listed, { data: [{ _id: second._id }, { _id: first._id }] })
      t.notMatch(JSON.stringify(listed), /whsec_/, 'a secret is shown once')
      await platform().ok('POST', '/rooms', {
        _id: 'r1',
        members: ['ann'],
        roomType: 'group',
        webhook: receiver.url,
      })
      const [{ headers, text }] = (await receiver.come(1)) as [Received]
      const [stamp = '', ...signatures] = String(headers['im-webhook-signature']).split(',')
      const t0 = stamp.slice('t='.length)
      const sign = (secret: unknown) =>
        `v1=${createHmac('sha256', String(secret)).update(`${t0}.${text}`).digest('hex')}`
      t.strictSame(signatures, [sign(second.secret), sign(first.secret)])
      t.notOk(signatures.includes(sign(old.secret)))
      t.ok(Math.abs(Number(t0) - stand.chat.clock() / 1_000) < 30)
      await platform().ok('DELETE', `/admin/webhooks/secrets/${first._id}`)
      t.equal((await platform().call('DELETE', `/admin/webhooks/secrets/${first._id}`)).status, 404)
    })

    t.test('may answer with a message and the state of the bot, which are taken once', async (t) => {
      const receiver = await startReceiver(t, ({ body }) =>
        body.event === 'MESSAGE'
          ? { body: { senderID: 'bot', toBotState: 'asked', data: { message: 'yes?', messageType: 'text' } } }
          : { body: { senderID: null, toBotState: null } },
      )
      const { user, platform } = await newRoom(stand, receiver.url)
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'bot?' })
      await eventually('the bot has answered', async () => {
        const { botState } = await user('ann').ok('GET', '/rooms/r1')
        return botState === 'asked'
      })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'again' })
      await receiver.come(3)
      await eventually('all is delivered', async () => (await stand.rows('webhook_deliveries')) === 0)
      const { data } = await platform().ok('GET', '/rooms/r1/messages/v3?sortOrder=asc')
      t.match(data, [
        { message: 'bot?' },
        { message: 'yes?', sender: { _id: 'bot' } },
        { message: 'again' },
        { message: 'yes?' },
      ])
      t.strictSame(texts(receiver.received), ['bot?', 'again'], 'the bot does not hear itself')
      t.match(receiver.received.at(-1)?.body, { botState: 'asked' })
    })

    t.test('go to the app’s webhook too, with the same id', async (t) => {
      const ofRoom = await startReceiver(t)
      const ofApp = await startReceiver(t)
      const { app, platform, user } = await stand.newApp()
      await stand.chat.db.query('', `UPDATE apps SET settings = settings || $2::jsonb WHERE id = $1`, [
        app,
        { webhookUrl: `${ofApp.url}/hook` },
      ])
      await platform().ok('POST', '/rooms', {
        _id: 'r1',
        members: ['ann'],
        roomType: 'group',
        webhook: ofRoom.url,
      })
      await platform().ok('POST', '/rooms', { _id: 'r2', members: ['ann'], roomType: 'group' })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'one' })
      await user('ann').ok('POST', '/rooms/r2/message', { message: 'two' })
      await ofApp.come(4)
      await ofRoom.come(2)
      t.strictSame(texts(ofRoom.received), ['one'])
      t.strictSame(texts(ofApp.received).toSorted(), ['one', 'two'])
      const idOf = (received: Received[]) =>
        received.find(({ body }) => body.roomID === 'r1' && body.event === 'MESSAGE')?.body.eventID
      t.equal(idOf(ofRoom.received), idOf(ofApp.received))
      t.equal(ofApp.received[0]?.path, '/hook')
    })

    t.test('that nobody took for a day are dead letters, listed and replayed', async (t) => {
      let up = false
      const receiver = await startReceiver(t, () => ({ status: up ? 200 : 503 }))
      const { platform, user } = await newRoom(stand, receiver.url)
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'one' })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'two' })
      await receiver.come(2)
      t.strictSame(texts(receiver.received), [], 'nothing overtakes what failed')
      stand.advance(DAY_MS + 3_600_000)
      const list = async () =>
        (await platform().ok('GET', '/admin/webhooks/dead-letters')).data as Received['body'][]
      await eventually('all are given up', async () => (await list()).length === 3)
      t.match(await list(), [
        {
          event: 'MESSAGE',
          reason: 'status-503',
          room: 'r1',
          target: 'room',
          payload: { data: { message: 'two' } },
        },
        { payload: { data: { message: 'one' } } },
        { event: 'ADD_MEMBERS' },
      ])
      const other = await stand.newApp()
      t.strictSame((await other.platform().ok('GET', '/admin/webhooks/dead-letters')).data, [])
      const [two] = await list()
      t.equal(
        (await other.platform().call('POST', `/admin/webhooks/dead-letters/${two?._id}/replay`)).status,
        404,
      )
      t.equal((await user('ann').call('GET', '/admin/webhooks/dead-letters')).status, 403)
      up = true
      receiver.received.length = 0
      t.strictSame(await platform().ok('POST', `/admin/webhooks/dead-letters/${two?._id}/replay`), { n: 1 })
      await receiver.come(1)
      t.strictSame(await platform().ok('POST', '/admin/webhooks/dead-letters/replay'), { n: 2 })
      await receiver.come(3)
      t.strictSame(texts(receiver.received), ['two', 'one'])
      await eventually('none is left', async () => (await list()).length === 0)
    })
  })

t.test('a webhook that members wrote leads to no private address', async (t) => {
  const receiver = await startReceiver(t)
  const { port } = new URL(receiver.url)
  const stand = await startStand(t, 'postgres', {
    privateUpstreams: 'none',
    outside: { webhookPrefix: `${receiver.url}/hooks/` },
  })
  const addresses = [
    receiver.url,
    `http://localhost:${port}`,
    `http://[::ffff:127.0.0.1]:${port}`,
    `http://0x7f.1:${port}`,
  ]
  for (const webhook of addresses) await newRoom(stand, webhook)
  await eventually('every one is refused', async () => {
    const rows = await stand.chat.db.query(
      '',
      `SELECT id FROM webhook_deliveries WHERE last_reason = 'address-refused'`,
    )
    return rows.length === addresses.length
  })
  t.equal(receiver.received.length, 0)
  await newRoom(stand, 'key-1')
  await receiver.come(1)
  t.equal(receiver.received[0]?.path, '/hooks/key-1', 'but the operator’s prefix may be anywhere')
})

t.test('an endless or late answer is a failure', async (t) => {
  let mode: 'endless' | 'late' | 'well' = 'endless'
  const receiver = await startReceiver(t, async () => {
    if (mode === 'endless') return { body: 'x'.repeat(1_000_000) }
    if (mode === 'late') await new Promise((resolve) => setTimeout(resolve, 1_000).unref())
    return {}
  })
  const stand = await startStand(t, 'postgres', { timing: { webhookTimeoutMs: 200 } })
  await newRoom(stand, receiver.url)
  const reasonIs = (reason: string) =>
    eventually(`it failed: ${reason}`, async () => {
      const [row] = await stand.chat.db.query('', 'SELECT last_reason FROM webhook_deliveries')
      return row?.last_reason === reason
    })
  await reasonIs('answer-too-large')
  mode = 'late'
  await reasonIs('timeout')
  mode = 'well'
  await eventually('it is delivered', async () => (await stand.rows('webhook_deliveries')) === 0)
})

t.test('a key stays under its prefix', async (t) => {
  const at = (room: string, prefix = 'https://hooks.example.com/bots/') =>
    webhookAddress('room', { room, app: null }, prefix)
  t.match(at('abc'), { url: { href: 'https://hooks.example.com/bots/abc' }, trusted: true })
  t.match(at('https://other.example.com/x'), { url: { host: 'other.example.com' }, trusted: false })
  for (const key of ['../admin', '..%2f..', '/../../x', '\\..\\x', '%2e%2e/x'])
    t.ok(at(key) === undefined || at(key)?.url.href.startsWith('https://hooks.example.com/bots/'), key)
  for (const key of ['@evil.example.com/', ':80@evil.example.com', '.evil.example.com'])
    t.equal(at(key, 'https://hooks.example.com'), undefined, key)
  t.equal(at(''), undefined)
  t.equal(webhookAddress('app', { room: null, app: 'key' }, 'https://hooks.example.com/'), undefined)
})
