/**
 * The gateway's own header, sent with an upgrade or a long-polling request: the paths that a filter written for plain
 * requests forgets. Each spelling is tried on all three, asserting what the core received. Precedents: Warpgate
 * CVE-2026-63329, Traefik CVE-2026-88011 (only the upgrade path was unfiltered).
 */
import t, { type Test } from 'tap'
import { signIdentity, signingKey } from '#contract/signature.ts'
import { foldName } from '../../gateway/headers/names.ts'
import { GOOD, identityOf, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import type { RecordedRequest } from '../support/recording-upstream.ts'

const forged = signIdentity(
  {
    kind: 'platform',
    app: 'demo',
    userId: 'root',
    deviceId: undefined,
    credentialId: 'x',
    expiresAtMs: undefined,
  },
  [signingKey('test', Buffer.alloc(32, 8))],
  Date.now(),
)

const separators = ['-', '_', '.']
const SPELLINGS = [
  ...separators.map((separator) => `IM${separator}Identity`),
  ...separators.map((separator) => `im${separator}IDENTITY`),
  ...separators.map((separator) => `IM-Identity${separator}User`),
  ...separators.map((separator) => `im${separator}node${separator}id`),
  ...separators.map((separator) => `IM${separator}Credential${separator}Position`),
]

const POLLING = '/socket.io/?EIO=4&transport=polling'
const WAYS: Record<string, (url: string, fields: string[], t: Test) => Promise<number>> = {
  upgrade: async (url, fields, t) => (await openRawWebSocket(t, url, fields)).answer.status,
  'polling GET': async (url, fields) =>
    (await sendRaw(url, requestText(`GET ${POLLING} HTTP/1.1`, fields))).status,
  'polling POST': async (url, fields) =>
    (
      await sendRaw(
        url,
        requestText(`POST ${POLLING}&sid=n.x HTTP/1.1`, [...fields, 'Content-Length: 1'], '3'),
      )
    ).status,
}

function check(t: Test, received: RecordedRequest, name: string): void {
  const reserved = received.fields.filter(([field]) => /^im-(identity|credential|node)/.test(foldName(field)))
  t.equal(reserved.length, 1, name)
  t.notOk(received.connection.received().includes(forged), name)
}

for (const [way, send] of Object.entries(WAYS)) {
  t.test(`${way}: no spelling of a reserved header reaches the core, credentials or not`, async (t) => {
    const gateway = await startGateway(t)
    for (const name of SPELLINGS) {
      for (const [whose, credentials] of [
        ['nobody’s', []],
        ['ada’s', [...GOOD]],
      ] as const) {
        const status = await send(
          gateway.publicUrl,
          [`${name}: ${forged}`, ...credentials, `${name}: ${forged}`],
          t,
        )
        t.ok(status === 101 || status === 200, `${name}: ${status}`)
        const received = await gateway.upstream.next()
        check(t, received, `${name}, ${whose}`)
        const identity = identityOf(received)
        t.equal(identity.kind, credentials.length === 0 ? 'anonymous' : 'client', `${name}, ${whose}`)
      }
    }
  })
}

t.test('no credential of an upgrade or a polling request reaches the core, in any spelling', async (t) => {
  const gateway = await startGateway(t)
  for (const fields of [
    ['IM_Client.Key: demo_clientkey', 'im.authorization: Bearer ada-token'],
    ['CLIENT_KEY: demo_clientkey', 'Authorization: ada-token'],
    ['api.key: demo_apikey', 'IM-Client-ID: ada'],
  ])
    for (const send of Object.values(WAYS)) {
      await send(gateway.publicUrl, fields, t)
      t.not(identityOf(await gateway.upstream.next()).kind, 'anonymous')
    }
  const received = gateway.upstream.connections.map((connection) => connection.received().toString('latin1'))
  t.notMatch(received.join(''), /ada-token|demo_clientkey|demo_apikey/)
})
