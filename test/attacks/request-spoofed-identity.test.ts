/**
 * The attacker sends the gateway's own header, hoping that it reaches the core beside the gateway's, or in its
 * place. Servers behind proxies fold `_` and `.` to `-`, so every spelling is the same header to somebody; a
 * trailer is a header to servers that merge them. Precedents: oauth2-proxy CVE-2025-64484, Traefik CVE-2026-54763,
 * APISIX CVE-2026-31908.
 */
import t from 'tap'
import { signIdentity, signingKey } from '#contract/signature.ts'
import { foldName } from '../../gateway/headers/names.ts'
import { GOOD, identityOf, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const forged = signIdentity(
  {
    kind: 'client',
    app: 'demo',
    userId: 'root',
    deviceId: undefined,
    credentialId: 'x',
    expiresAtMs: undefined,
  },
  [signingKey('test', Buffer.alloc(32, 8))],
  Date.now(),
)

const SPELLINGS = [
  'IM-Identity',
  'im-identity',
  'IM_Identity',
  'IM.Identity',
  'im_identity',
  'iM-IdEnTiTy',
  'IM-Identity-User',
  'IM_IDENTITY_2',
  'im.identity.x',
  'IM-Credential-Position',
  'IM_Node_Id',
]

t.test('no spelling of the identity header reaches the core but the gateway’s own', async (t) => {
  const gateway = await startGateway(t)
  for (const name of SPELLINGS) {
    for (const position of ['before', 'after']) {
      const fields = position === 'before' ? [`${name}: ${forged}`, ...GOOD] : [...GOOD, `${name}: ${forged}`]
      const response = await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))
      t.equal(response.status, 200, `${name} ${position}`)
      const received = await gateway.upstream.next()
      t.match(identityOf(received), { kind: 'client', app: 'demo', userId: 'ada' })
      t.notOk(received.head.includes(forged), 'the forged text is nowhere')
      const reserved = received.fields.filter(([name]) =>
        /^im-(identity|credential|node)/.test(foldName(name)),
      )
      t.equal(reserved.length, 1)
    }
  }
})

t.test('a trailer cannot bring one in', async (t) => {
  const gateway = await startGateway(t)
  const body = `5\r\nhello\r\n0\r\nIM-Identity: ${forged}\r\n\r\n`
  const fields = [...GOOD, 'Transfer-Encoding: chunked', 'Trailer: IM-Identity']
  const response = await sendRaw(
    gateway.publicUrl,
    requestText('POST /rooms/r/message HTTP/1.1', fields, body),
  )
  t.equal(response.status, 200)
  const received = await gateway.upstream.next()
  t.equal(identityOf(received).kind, 'client')
  t.same(received.trailers, [])
  t.equal(received.body.toString(), 'hello')
  t.notOk(received.connection.received().includes(forged))
})

t.test('an identity without a credential is nobody', async (t) => {
  const gateway = await startGateway(t)
  const response = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [`IM-Identity: ${forged}`]),
  )
  t.equal(response.status, 401)
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('credentials never reach the core, in any spelling', async (t) => {
  const gateway = await startGateway(t)
  const names: [string, string][] = [
    ['IM-Client-Key', 'IM-Authorization'],
    ['CLIENT_KEY', 'Authorization'],
    ['im_client_key', 'IM.Authorization'],
    ['client-key', 'IM_AUTHORIZATION'],
  ]
  for (const [key, token] of names) {
    const fields = [`${key}: demo_clientkey`, `${token}: ada-token`]
    const response = await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', fields))
    t.equal(response.status, 200, `${key}, ${token}`)
    const received = await gateway.upstream.next()
    t.notMatch(received.connection.received().toString('latin1'), /ada-token|demo_clientkey/)
  }
  await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', ['API_KEY: demo_apikey']))
  const received = await gateway.upstream.next()
  t.equal(identityOf(received).kind, 'platform')
  t.notMatch(received.connection.received().toString('latin1'), /demo_apikey/)
})
