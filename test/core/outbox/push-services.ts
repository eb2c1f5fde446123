import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Http2Session, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Scope } from '../../support/child-process.ts'
import { type Json, type Received, type Receiver, startReceiver } from './receiver.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: typeof rsa.privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

export const fcmKeys = { ...rsa, pem: pem(rsa.privateKey) }
export const apnsKeys = { ...ec, pem: pem(ec.privateKey) }

export type Fcm = Receiver & {
  /** What was sent, without the asking for access tokens. */
  sent(): Json[]
  tokensAsked(): Received[]
  config: { projectId: string; clientEmail: string; privateKey: string; tokenUrl: string; url: string }
}

/** Google's two services in one: OAuth and messaging. `verdict` says how a device's message is answered. */
export async function startFcm(t: Scope, verdict: (token: string) => number = () => 200): Promise<Fcm> {
  const receiver = await startReceiver(t, ({ path, headers, body }) => {
    if (path === '/token') return { body: { access_token: 'access-1', expires_in: 3_600 } }
    if (headers.authorization !== 'Bearer access-1') return { status: 401 }
    return { status: verdict(String((body.message as Json).token)) }
  })
  return Object.assign(receiver, {
    sent: () =>
      receiver.received.filter(({ path }) => path !== '/token').map(({ body }) => body.message as Json),
    tokensAsked: () => receiver.received.filter(({ path }) => path === '/token'),
    config: {
      projectId: 'project-1',
      clientEmail: 'push@project-1.example.com',
      privateKey: fcmKeys.pem,
      tokenUrl: `${receiver.url}/token`,
      url: receiver.url,
    },
  })
}

export type ApnsRequest = { headers: IncomingHttpHeaders; path: string; body: Json }

/** Apple's service, HTTP/2 without TLS. */
export async function startApns(t: Scope, verdict: (path: string) => { status: number; reason?: string }) {
  const received: ApnsRequest[] = []
  const sessions = new Set<Http2Session>()
  const server = createServer()
  server.on('session', (session) => sessions.add(session))
  server.on('stream', (stream, headers) => {
    let text = ''
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      text += chunk
    })
    stream.on('end', () => {
      const path = String(headers[':path'])
      received.push({ headers, path, body: JSON.parse(text) })
      const { status, reason } = verdict(path)
      stream.respond({ ':status': status })
      stream.end(reason === undefined ? '' : JSON.stringify({ reason }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = { key: apnsKeys.pem, keyId: 'KEY1', teamId: 'TEAM1', topic: 'com.example.chat', url }
  return { received, config }
}
