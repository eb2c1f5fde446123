import t, { type Test } from 'tap'
import { nodeIdOf } from '../../../gateway/tunnel/polling-query.ts'
import { startStand, userOf } from './stand.ts'

const ORIGIN = { origin: undefined, address: '192.0.2.1', app: undefined, socket: true }

async function exchanger(t: Test, limits = {}) {
  const stand = await startStand(t, { cores: [1], limits })
  const exchange = (body: string | Buffer, query: string) =>
    stand.tunnels.exchangePollingBody(Buffer.from(body), query, ORIGIN)
  return { stand, exchange }
}

t.test('a body without an authentication is the same buffer', async (t) => {
  const { stand } = await exchanger(t)
  const bodies: [string, string][] = [
    ['40', '?EIO=4'],
    ['3\x1e42["typing","r"]', '?EIO=4&sid=n.a'],
    ['16:42["typing","r"]', '?EIO=3'],
    ['1:2', ''],
  ]
  for (const [text, query] of bodies) {
    const body = Buffer.from(text)
    t.equal(await stand.tunnels.exchangePollingBody(body, query, ORIGIN), body)
  }
})

t.test('an authentication goes on with the signed identity, in each form of a body', async (t) => {
  const { stand, exchange } = await exchanger(t)
  const auth = '42["auth","good-é"]'
  const eio4 = String(await exchange(`3\x1e${auth}\x1e42["x"]`, '?EIO=4&transport=polling'))
  const [ping, packet = '', other] = eio4.split('\x1e')
  t.same([ping, other], ['3', '42["x"]'])
  t.equal(userOf(stand, packet), 'user-of-good-é')

  const eio3 = String(await exchange(`1:3${auth.length}:${auth}7:42["x"]`, '?EIO=3'))
  const match = /^1:3(\d+):(42\[.*?\])7:42\["x"\]$/.exec(eio3)
  t.equal(Number(match?.[1]), match?.[2]?.length)
  t.equal(userOf(stand, match?.[2] ?? ''), 'user-of-good-é')

  const bytes = Buffer.byteLength(auth)
  const binary = Buffer.concat([Buffer.from([0, Math.floor(bytes / 10), bytes % 10, 255]), Buffer.from(auth)])
  const eio3Binary = (await exchange(binary, '?EIO=3')) as Buffer
  const end = eio3Binary.indexOf(255)
  const rewritten = eio3Binary.subarray(end + 1)
  t.equal([...eio3Binary.subarray(1, end)].join(''), `${rewritten.length}`)
  t.equal(userOf(stand, rewritten.toString()), 'user-of-good-é')
})

t.test('a refused one goes on as a refusal', async (t) => {
  const { exchange } = await exchanger(t)
  t.equal(
    String(await exchange('421["auth2","bad",{"CLIENT_KEY":"key"}]', 'EIO=4')),
    '421["auth2",{"refused":{"code":"INVALID_TOKEN","RC":401}}]',
  )
})

t.test('a session is bound to who authenticated in it, and ends with the credential', async (t) => {
  const { stand, exchange } = await exchanger(t)
  const { registry, sessions } = stand.tunnels
  await exchange('42["auth","good-1"]', 'EIO=4&sid=n.one')
  await exchange('42["auth","good-2"]', 'EIO=4&sid=n.two')
  await exchange('42["auth","bad"]', 'EIO=4&sid=n.three')
  registry.closeCredential('id-of-good-1')
  t.same(['n.one', 'n.two', 'n.three'].map(sessions.isRevoked), [true, false, false])
  t.same(await exchange('42["x"]', 'EIO=4&sid=n.one'), { refused: 'INVALID_TOKEN' })
  registry.closeUser('demo', 'user-of-good-2')
  t.ok(sessions.isRevoked('n.two'))
  stand.clock.nowMs += 300_001
  t.notOk(sessions.isRevoked('n.one'), 'long after its last request a session is forgotten')
})

t.test('limits: the body, a held packet, authentications in one body', async (t) => {
  const { exchange } = await exchanger(t, { maxMessageBytes: 2_000, maxHeldBytes: 500 })
  t.same(await exchange(`42["${'x'.repeat(2_000)}"]`, 'EIO=4'), { refused: 'PAYLOAD_TOO_LARGE' })
  t.same(await exchange(`42["auth","${'x'.repeat(500)}"]`, 'EIO=4'), { refused: 'PAYLOAD_TOO_LARGE' })
  const many = Array.from({ length: 5 }, () => '42["auth","good"]').join('\x1e')
  t.same(await exchange(many, 'EIO=4'), { refused: 'BAD_REQUEST' })
})

t.test('a session id names its core', async (t) => {
  t.equal(nodeIdOf('node-1.abc_DEF-1'), 'node-1')
  for (const sid of ['abc', '.abc', 'a.', 'a.b.c', 'a b.c', `${'a'.repeat(33)}.b`, 'a.b/c', ''])
    t.equal(nodeIdOf(sid), undefined, sid)
})
