import { randomBytes } from 'node:crypto'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import type { ClientIdentity, Identity } from '#contract/identity.ts'
import { parseSigningKeys, signIdentity, signingKey, verifyIdentity } from '#contract/signature.ts'
import { openRaw, requestText } from '../support/raw-http.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { type RecordedRequest, startRecordingUpstream } from '../support/recording-upstream.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

// The core believes the signed identity and nothing else, and only the gateway can make one: so nobody who reaches
// the core directly gets in, and nothing that a client sends to the gateway arrives as an identity.

const upstream = await startRecordingUpstream(t)
const stack = await startStack(t, { coreUrls: [upstream.url] })
const { clientKey, platformKey, app } = stack.keys
const [core] = stack.cores
const signingKeys = parseSigningKeys(stack.identityKeys)
const token = `secret-token-${randomBytes(12).toString('hex')}`

const bob = `bob-token-${randomBytes(12).toString('hex')}`

/** Users are made at the core itself: here the gateway forwards to the recording. */
async function createUser(id: string, ownToken: string): Promise<void> {
  const identity: Identity = {
    kind: 'platform',
    app,
    userId: undefined,
    deviceId: undefined,
    credentialId: credentialDigest('platform-key', '', platformKey),
    expiresAtMs: undefined,
  }
  const platform = stack.client({ 'IM-Identity': signIdentity(identity, signingKeys, Date.now()) }, core!.url)
  await platform.ok('POST', '/admin/clients', { _id: id, token: ownToken })
}
await createUser('alice', token)
await createUser('bob', bob)

const alice: ClientIdentity = {
  kind: 'client',
  app,
  userId: 'alice',
  deviceId: undefined,
  credentialId: credentialDigest('client-token', app, token),
  expiresAtMs: undefined,
}
const foreignKeys = [signingKey('test', randomBytes(32))]
const genuine = signIdentity(alice, signingKeys, Date.now())
const [version, keyId, payload, mac] = genuine.split('.') as [string, string, string, string]
const WRONG_IDENTITIES: Record<string, string> = {
  'signed with another key': signIdentity(alice, foreignKeys, Date.now()),
  'signed two minutes ago': signIdentity(alice, signingKeys, Date.now() - 120_000),
  'signed for the future': signIdentity(alice, signingKeys, Date.now() + 120_000),
  'with another payload': [
    version,
    keyId,
    Buffer.from('{"kind":"platform"}').toString('base64url'),
    mac,
  ].join('.'),
  'without a signature': [version, keyId, payload, ''].join('.'),
  'with an unknown key id': [version, 'other', payload, mac].join('.'),
  'that is plain JSON': JSON.stringify(alice),
  'that is a user id': 'alice',
  'that is empty': '',
}

t.test('the core takes a genuine identity', async (t) => {
  const direct = stack.client({ 'IM-Identity': genuine }, core!.url)
  t.match(await direct.ok('GET', '/me'), { _id: 'alice' })
})

t.test('the core refuses credentials that no gateway exchanged', async (t) => {
  for (const headers of [
    {},
    { 'IM-Client-Key': clientKey, 'IM-Authorization': token },
    { 'IM-API-KEY': platformKey },
  ]) {
    t.match(await stack.client(headers, core!.url).call('GET', '/me'), { status: 401, RC: 401 })
    t.match(await stack.client(headers, core!.url).call('GET', '/admin/clients'), { status: 401, RC: 401 })
  }
})

for (const [name, identity] of Object.entries(WRONG_IDENTITIES)) {
  t.test(`the core refuses an identity ${name}: request, upgrade, polling and auth event`, async (t) => {
    const headers = { 'IM-Identity': identity }
    const direct = stack.client(headers, core!.url)
    t.match(await direct.call('GET', '/me'), { status: 401, RC: 401 })
    t.match(await direct.call('GET', '/socket.io/?EIO=4&transport=polling'), { status: 401 })
    const upgrade = await openRawWebSocket(t, core!.url, [`IM-Identity: ${identity}`])
    t.equal(upgrade.answer.status, 401)

    const anonymous = signIdentity({ kind: 'anonymous', app }, signingKeys, Date.now())
    const socket = connectSocket(t, 4, core!.url, { extraHeaders: { 'IM-Identity': anonymous } })
    await socket.connected
    t.match(await socket.ask('auth2', { identity }), { RC: 401 })
    t.match(await socket.ask('auth2', identity), { RC: 401 })
    t.match(await socket.ask('chat message', { room: 'x', messageType: 'text', message: 'x' }), { RC: 401 })
  })
}

t.test('the core refuses auth events with raw credentials', async (t) => {
  const anonymous = signIdentity({ kind: 'anonymous', app }, signingKeys, Date.now())
  const socket = connectSocket(t, 4, core!.url, { extraHeaders: { 'IM-Identity': anonymous } })
  await socket.connected
  t.match(await socket.ask('auth', token), { RC: 401 })
  t.match(await socket.ask('auth2', token, { CLIENT_KEY: clientKey, Authorization: token }), { RC: 401 })
})

/** All that the core was sent as an identity, however its name is spelled. */
function identitiesIn({ fields, trailers }: RecordedRequest): string[] {
  const folds = (name: string) => name.toLowerCase().replace(/[_.]/g, '-') === 'im-identity'
  return [...fields, ...trailers].filter(([name]) => folds(name)).map(([, value]) => value)
}

const SPOOFS: Record<string, string[]> = {
  'IM-Identity': [`IM-Identity: ${genuine}`],
  IM_IDENTITY: [`IM_IDENTITY: ${genuine}`],
  'im.identity': [`im.identity: ${genuine}`],
  'im_identity and Im-Identity together': [`im_identity: ${genuine}`, `Im-Identity: ${genuine}`],
  'iM-iDENTITY twice': [`iM-iDENTITY: ${genuine}`, `IM-IDENTITY: forged`],
  'IM-Identity, named by Connection': ['Connection: IM-Identity', `IM-Identity: ${genuine}`],
  'im_identity, the real name named by Connection': [
    'Connection: close, im-identity',
    `im_identity: ${genuine}`,
  ],
}
// The spoof is a genuine identity of alice, so that nothing but the gateway's own rule stands in its way.
const bobFields = [`IM-Client-Key: ${clientKey}`, `IM-Authorization: ${bob}`]

for (const [name, fields] of Object.entries(SPOOFS)) {
  t.test(`a spoofed ${name} never reaches the core: request and upgrade`, async (t) => {
    const check = (request: RecordedRequest) => {
      const identities = identitiesIn(request)
      t.equal(identities.length, 1)
      t.match(verifyIdentity(identities[0], signingKeys, Date.now()), {
        identity: { kind: 'client', userId: 'bob' },
      })
    }
    const client = await openRaw(stack.url)
    t.teardown(() => client.destroy())
    client.write(requestText('GET /me HTTP/1.1', [...bobFields, ...fields]))
    t.equal((await client.response()).status, 200)
    check(await upstream.next())

    const socket = await openRawWebSocket(t, stack.url, [
      ...bobFields,
      ...fields.filter((f) => !/^connection/i.test(f)),
    ])
    t.equal(socket.answer.status, 101)
    check(await upstream.next())
  })
}

t.test('a spoofed identity in the trailers never reaches the core', async (t) => {
  const client = await openRaw(stack.url)
  t.teardown(() => client.destroy())
  const fields = [...bobFields, 'Transfer-Encoding: chunked', 'Trailer: IM-Identity, IM_Identity']
  const trailers = `IM-Identity: ${genuine}\r\nIM_Identity: ${genuine}\r\n`
  client.write(requestText('POST /me HTTP/1.1', fields, `2\r\n{}\r\n0\r\n${trailers}\r\n`))
  t.equal((await client.response()).status, 200)
  const request = await upstream.next()
  t.equal(identitiesIn(request).length, 1)
  t.match(verifyIdentity(identitiesIn(request)[0], signingKeys, Date.now()), { identity: { userId: 'bob' } })
  t.equal(String(request.body), '{}')
})

t.test('no credential reaches the core, in whatever spelling it came', async (t) => {
  const spellings: string[][] = [
    bobFields,
    [`CLIENT_KEY: ${clientKey}`, `Authorization: Bearer ${bob}`],
    [`Client-Key: ${clientKey}`, `im_authorization: ${bob}`],
    [`IM-API-KEY: ${platformKey}`, ...bobFields],
    [`API_KEY: ${platformKey}`],
  ]
  for (const fields of spellings) {
    const client = await openRaw(stack.url)
    t.teardown(() => client.destroy())
    client.write(requestText('GET /rooms HTTP/1.1', fields))
    const { status } = await client.response()
    if (status !== 200) continue
    const { head } = await upstream.next()
    for (const secret of [clientKey, platformKey, bob]) t.notOk(head.includes(secret), fields.join(', '))
  }
  const seen = upstream.connections.map((connection) => connection.received().toString('latin1')).join('')
  for (const secret of [clientKey, platformKey, bob, token]) t.notOk(seen.includes(secret))
})
