/**
 * Arguments of the wrong type, nested, conflicting or huge make a gateway throw, or pass what it cannot read on to the
 * core. Each of these reaches the core as a refusal with its ack id, or closes the socket; nothing of what was sent
 * arrives.
 */
import t from 'tap'
import { clientFrame, readTexts } from '../gateway/tunnel/client-frames.ts'
import { openSocket, startStand, until } from '../gateway/tunnel/stand.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const refusal = (code: string, RC: number): string =>
  `427["auth2",${JSON.stringify({ refused: { code, RC } })}]`
const MISSING = refusal('MISSING_CREDENTIALS', 401)
const BAD = refusal('BAD_REQUEST', 400)
const CONFLICT = refusal('CONFLICTING_CREDENTIALS', 400)

const cases: [unknown[], string][] = [
  [[], MISSING],
  [[null], MISSING],
  [['undefined', { CLIENT_KEY: 'null', Authorization: '' }], MISSING],
  [['', {}], MISSING],
  [['', { CLIENT_KEY: 'key' }], refusal('MISSING_TOKEN', 401)],
  [[5], BAD],
  [[true], BAD],
  [[['good']], BAD],
  [[{ token: 'good' }], BAD],
  [['good', 'key'], BAD],
  [['good', ['key']], BAD],
  [['good', { CLIENT_KEY: 5 }], BAD],
  [['good', { CLIENT_KEY: ['key'] }], BAD],
  [['good', { CLIENT_KEY: { toString: 'key' } }], BAD],
  [['good', { Authorization: {} }], BAD],
  [['good', { CLIENT_KEY: 'key', 'IM-Client-Key': 'other' }], CONFLICT],
  [['good', { CLIENT_KEY: 'key', client_key: 'other' }], CONFLICT],
  [['good', { 'IM-API-KEY': 'good', API_KEY: 'good2' }], CONFLICT],
  [['good', { CLIENT_KEY: 'other' }], refusal('INVALID_CLIENT_KEY', 401)],
  [['bad', { Authorization: 'good' }], refusal('INVALID_TOKEN', 401)],
  [['good', { API_KEY: 'bad' }], refusal('INVALID_API_KEY', 401)],
]

t.test('bad arguments are a refusal with the ack id, and the socket stays', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  for (const [args] of cases) client.write(clientFrame(`427${JSON.stringify(['auth2', ...args])}`))
  client.write(clientFrame('3'))
  await until('all arrive', () => readTexts(connection.tunnelled()).length === cases.length + 1)
  const texts = readTexts(connection.tunnelled())
  for (const [i, [args, expected]] of cases.entries()) t.equal(texts[i], expected, JSON.stringify(args))
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 1 })
})

t.test(
  'what a gateway writes is not believed from a client: it is exchanged like anything else',
  async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port] })
    const client = await openSocket(stand)
    const { connection } = await core.next()
    client.write(clientFrame('427["auth2",{"identity":"v1.k1.e30.AAAA"}]'))
    client.write(clientFrame('427["auth2","",{"im-identity":"v1.k1.e30.AAAA","__proto__":{"identity":"x"}}]'))
    await until('all arrive', () => readTexts(connection.tunnelled()).length === 2)
    t.same(readTexts(connection.tunnelled()), [BAD, MISSING])
  },
)

t.test('every spelling of the keys that shipped clients use is understood', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  const accepted = [
    ['good', { CLIENT_KEY: 'key', Authorization: 'good' }],
    ['good', { 'IM-CLIENT-KEY': 'key', 'IM-Authorization': 'good' }],
    ['Bearer good', { 'IM-Client-Key': 'key' }],
    ['', { 'IM-Client-Key': 'key', Authorization: 'Bearer good' }],
    ['good', { CLIENT_KEY: 'key', Authorization: 'bad' }],
    ['good', null],
    ['', { 'IM-API-KEY': 'good' }],
    ['', { api_key: 'good', 'IM-Client-ID': 'ann' }],
  ]
  for (const args of accepted) client.write(clientFrame(`427${JSON.stringify(['auth2', ...args])}`))
  await until('all arrive', () => readTexts(connection.tunnelled()).length === accepted.length)
  for (const [i, text] of readTexts(connection.tunnelled()).entries())
    t.match(text, /^427\["auth2",\{"identity":"v1\.k1\./, JSON.stringify(accepted[i]))
})

t.test(
  'huge, repeated, on another namespace or as binary: closed, and the core got none of it',
  async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 200 } })
    const texts = [
      `42["auth","${'x'.repeat(16_384)}"]`,
      '42/admin,["auth","good"]',
      '42/,["auth","good"]',
      '42/a/..,["auth","good"]',
      '451-["auth","good",{"_placeholder":true,"num":0}]',
      '451-/admin,["auth","good"]',
      '42 ["auth","good"]',
      '421e1["auth","good"]',
      '42["auth","good"',
      '42["auth","good"]]',
    ]
    for (const text of texts) {
      const client = await openSocket(stand)
      const { connection } = await core.next()
      client.write(Buffer.concat([clientFrame('3'), clientFrame(text), clientFrame('42["late"]')]))
      await Promise.all([client.closed, connection.closed])
      t.same(readTexts(connection.tunnelled()), ['3'], text.slice(0, 60))
    }
  },
)
