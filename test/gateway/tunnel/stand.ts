import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { parseSigningKeys, verifyIdentity } from '../../../core/contract/signature.ts'
import type { Credentials, Outcome, Proof } from '../../../gateway/authn/authenticator.ts'
import type { ErrorCode } from '../../../gateway/errors.ts'
import { injectFields } from '../../../gateway/headers/inject.ts'
import { normaliseHeaders } from '../../../gateway/headers/normalise.ts'
import { createPipeline } from '../../../gateway/pipeline.ts'
import type { TunnelLimits } from '../../../gateway/tunnel/limits.ts'
import { createTunnels, isCleanUpgrade, type Tunnels } from '../../../gateway/tunnel/upgrade.ts'
import type { TunnelOutcome, UpstreamTarget } from '../../../gateway/upstream/pool.ts'
import type { Scope } from '../../support/child-process.ts'
import { openRaw, type RawConnection } from '../../support/raw-http.ts'
import { unlimited } from '../../support/unlimited.ts'

export const KEYS = parseSigningKeys(`k1:${Buffer.alloc(32, 1).toString('base64url')}`)

export type Lookup = (credentials: Credentials) => Outcome | undefined | Promise<Outcome | undefined>

export type Stand = {
  port: number
  tunnels: Tunnels
  /** Error codes as they were reported. */
  refused: ErrorCode[]
  outcomes: TunnelOutcome[]
  clock: { nowMs: number }
}

export type StandOptions = {
  /** Ports of cores, tried in turn. */
  cores: readonly number[]
  lookup?: Lookup
  limits?: Partial<TunnelLimits>
}

export function proofOf(token: string, expiresAtMs?: number): Proof {
  const settings = { app: 'demo', origins: ['*'], allowPlatformKeyFromBrowser: false, platformSources: [] }
  return {
    kind: 'client',
    app: 'demo',
    settings,
    userId: `user-of-${token}`,
    credentialId: `id-of-${token}`,
    expiresAtMs,
    cachedUntilMs: 0,
    signature: undefined,
  }
}

/** Tokens that begin with `good` are valid beside the client key `key` or none; platform keys likewise. */
export const simpleLookup: Lookup = ({ clientKey, clientToken, platformKey }) => {
  if (platformKey !== undefined)
    return platformKey.startsWith('good')
      ? { proof: { ...proofOf(platformKey), kind: 'platform', userId: undefined } }
      : { refused: 'INVALID_API_KEY' }
  if (clientKey !== undefined && clientKey !== 'key') return { refused: 'INVALID_CLIENT_KEY' }
  if (clientToken === undefined)
    return clientKey === undefined ? undefined : { proof: { ...proofOf('none'), kind: 'client-key' } }
  return clientToken.startsWith('good') ? { proof: proofOf(clientToken) } : { refused: 'INVALID_TOKEN' }
}

/** A gateway of nothing but upgrades, with the real pipeline. */
export async function startStand(t: Scope, options: StandOptions): Promise<Stand> {
  const clock = { nowMs: 1_000_000 }
  const refused: ErrorCode[] = []
  const outcomes: TunnelOutcome[] = []
  const { admit } = createPipeline({
    authenticate: options.lookup ?? simpleLookup,
    limits: unlimited,
    signingKeys: () => KEYS,
    clock: () => clock.nowMs,
  })
  let turn = 0
  const tunnels = createTunnels({
    admit,
    clock: () => clock.nowMs,
    refused: (code) => void refused.push(code),
    limits: { sweepIntervalMs: 1_000_000, ...options.limits },
    pick(): UpstreamTarget {
      const port = options.cores[turn++ % options.cores.length]!
      return { host: '127.0.0.1', port, nodeId: undefined, release: (outcome) => void outcomes.push(outcome) }
    },
  })
  const sockets = new Set<Socket>()
  const server = createServer({ shouldUpgradeCallback: isCleanUpgrade }, (_req, res) => {
    res.writeHead(400, { connection: 'close' }).end('not an upgrade')
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', async (req, stream, head) => {
    const socket = stream as Socket
    const headers = normaliseHeaders(req.rawHeaders)
    if ('refused' in headers) throw new Error(headers.refused)
    const { host = '' } = headers
    const origin = { origin: headers.origin, address: '192.0.2.1', app: undefined, socket: true }
    const admission = await admit(headers.credentials, origin, 'socket')
    if (!admission.ok) throw new Error(admission.code)
    tunnels.upgrade({
      req,
      socket,
      head,
      admission,
      origin,
      target: req.url ?? '/',
      host,
      fields: injectFields(headers.endToEnd, {
        identity: admission.signed,
        address: origin.address,
        scheme: 'http',
        host,
        requestId: 'r1',
      }),
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    tunnels.close()
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, tunnels, refused, outcomes, clock }
}

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
export const TARGET = '/socket.io/?EIO=4&transport=websocket'

export function upgradeText(fields: readonly string[] = [], target = TARGET): string {
  return [
    `GET ${target} HTTP/1.1`,
    'Host: chat.test',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    ...fields,
    '\r\n',
  ].join('\r\n')
}

/** A client behind its verified 101. */
export async function openSocket(stand: Stand, fields: readonly string[] = []): Promise<RawConnection> {
  const client = await openRaw(stand.port)
  client.write(upgradeText(fields))
  const { status } = await client.response()
  if (status !== 101) throw new Error(`the upgrade was answered with ${status}`)
  return client
}

/** Whose identity a packet carries, verified as the core does. */
export function userOf(stand: Stand, text: string): string | undefined {
  const [, argument] = JSON.parse(text.slice(text.indexOf('[')))
  const verified = verifyIdentity(argument.identity, KEYS, stand.clock.nowMs)
  if (!('identity' in verified)) throw new Error(verified.refused)
  return verified.identity.kind === 'anonymous' ? undefined : verified.identity.userId
}

/** Resolves when the condition holds; it is looked at as things happen. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
