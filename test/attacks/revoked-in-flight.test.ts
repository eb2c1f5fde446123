/**
 * A credential is revoked while its lookup is on the way: the answer was true when it was given and is not any more.
 * It must neither let this request in nor be kept for the next. Precedents: CVE-2026-34503, -41356, -109289.
 */
import t, { type Test } from 'tap'
import { readTexts } from '../gateway/tunnel/client-frames.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

const TOKEN = 'short-lived'
const FIELDS = ['IM-Client-Key: demo_clientkey', `IM-Authorization: ${TOKEN}`]
const POLLING = '/socket.io/?EIO=4&transport=polling'
const AUTH = `421["auth2","${TOKEN}",{"CLIENT_KEY":"demo_clientkey"}]`

/** Each presents the token and says whether it was somebody in the end. */
const WAYS: Record<string, (t: Test, gateway: TestGateway) => Promise<boolean>> = {
  'a request': async (_t, { publicUrl }) =>
    (await sendRaw(publicUrl, requestText('GET /me HTTP/1.1', FIELDS))).status === 200,
  'an upgrade': async (t, { publicUrl }) =>
    (await openRawWebSocket(t, publicUrl, FIELDS)).answer.status === 101,
  'a polling request': async (_t, { publicUrl }) =>
    (await sendRaw(publicUrl, requestText(`GET ${POLLING} HTTP/1.1`, FIELDS))).status === 200,
  'an event': async (t, { publicUrl, upstream }) => {
    const socket = await openRawWebSocket(t, publicUrl)
    const { connection } = await upstream.next()
    socket.connection.write(frameBytes(AUTH))
    await eventually('the core has the event', () => readTexts(connection.tunnelled()).length > 0)
    return readTexts(connection.tunnelled())[0]!.includes('"identity"')
  },
  'an event in a polling body': async (_t, { publicUrl, upstream }) => {
    const before = upstream.requests.length
    const fields = [`Content-Length: ${Buffer.byteLength(AUTH)}`]
    await sendRaw(publicUrl, requestText(`POST ${POLLING}&sid=n.s HTTP/1.1`, fields, AUTH))
    return upstream.requests[before]!.body.includes('"identity"')
  },
}

const ENDS: Record<string, (gateway: TestGateway) => void> = {
  'the token is revoked': ({ store }) => void store.revokeToken('demo', TOKEN),
  'its user is disabled': ({ store }) => void store.revokeUser('demo', 'ann'),
}

async function followed({ core, store, metrics }: TestGateway): Promise<void> {
  core.push()
  const position = `gateway_credential_feed_position ${store.position()}`
  await eventually('the gateway has followed', async () => (await metrics()).includes(position))
}

for (const [way, present] of Object.entries(WAYS))
  for (const [what, end] of Object.entries(ENDS))
    t.test(`${way} whose lookup is in flight while ${what}`, async (t) => {
      const gateway = await startGateway(t)
      const { core, store } = gateway
      store.bind('demo', TOKEN, 'ann')
      await followed(gateway)
      const asked = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      core.beforeAnswer = async ({ kind }) => {
        if (kind !== 'client-token') return
        asked.resolve()
        await release.promise
      }
      const presented = present(t, gateway)
      await asked.promise
      end(gateway)
      await followed(gateway)
      release.resolve()
      t.notOk(await presented, 'the late answer lets nobody in')
      const lookups = core.asked('client-token')
      t.ok(lookups >= 2, 'it was asked for again')
      t.notOk(await present(t, gateway), 'and it was not kept')
      store.bind('demo', TOKEN, 'ann')
      await followed(gateway)
      t.ok(await present(t, gateway), 'granted anew it is good at once')
    })

t.test('a platform key whose lookup is in flight while it is revoked', async (t) => {
  const gateway = await startGateway(t)
  const { core, store, publicUrl } = gateway
  const asked = Promise.withResolvers<string>()
  const release = Promise.withResolvers<void>()
  core.beforeAnswer = async ({ kind, digest }) => {
    if (kind !== 'platform-key') return
    asked.resolve(digest)
    await release.promise
  }
  const send = () =>
    sendRaw(publicUrl, requestText('GET /admin/clients HTTP/1.1', ['IM-API-KEY: demo_apikey']))
  const presented = send()
  store.revoke('demo', await asked.promise)
  await followed(gateway)
  release.resolve()
  t.equal((await presented).status, 401)
  t.equal((await send()).status, 401)
  t.equal(gateway.upstream.requests.length, 0)
})
