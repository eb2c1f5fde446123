import { type CredentialKind, credentialDigest } from '#contract/credential.ts'
import { parseSigningKeys, signIdentity, verifyIdentity } from '#contract/signature.ts'
import { createOutcomeCache } from '../gateway/authn/outcome-cache.ts'
import { ownLine, ownName } from '../gateway/headers/field-lines.ts'
import { clientAddress, parseTrustedProxies } from '../gateway/headers/forwarded.ts'
import { injectFields } from '../gateway/headers/inject.ts'
import { normaliseHeaders } from '../gateway/headers/normalise.ts'
import { corsFields } from '../gateway/http/cors.ts'
import { parseLaneRequest } from '../gateway/http/lane/request.ts'
import { parseTarget } from '../gateway/http/path.ts'
import { createRateLimit } from '../gateway/limits/rate-limit.ts'
import { FrameScanner } from '../gateway/tunnel/frame-scanner.ts'
import { TUNNEL_LIMITS } from '../gateway/tunnel/limits.ts'
import { parseResponseHead } from '../gateway/upstream/response-head.ts'
import { frameBytes } from '../test/support/raw-websocket.ts'

const TOKEN = 'token-1234-0123456789abcdef0123456789abcdef'
const IDENTITY = {
  kind: 'client',
  app: 'demo',
  userId: 'ada',
  deviceId: undefined,
  credentialId: credentialDigest('client-token', 'demo', TOKEN),
  expiresAtMs: undefined,
} as const
const KEYS = parseSigningKeys(`bench:${Buffer.alloc(32, 7).toString('base64url')}`)
const RAW = [
  ['Host', 'chat.example'],
  ['User-Agent', 'okhttp/4.12.0'],
  ['Accept', 'application/json'],
  ['Accept-Encoding', 'gzip'],
  ['IM-Client-Key', 'demo_clientkey'],
  ['IM-Authorization', TOKEN],
  ['Connection', 'keep-alive'],
] as const
const rawHeaders = RAW.flat()
const request = `GET /rooms?limit=20 HTTP/1.1\r\n${RAW.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`
const ANSWER =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 512\r\nConnection: keep-alive'
const frame = frameBytes(`42["chat message",{"room":"r1","message":"${'x'.repeat(100)}"}]`)

/** What the gateway does on the hot path, each with the usual input. */
export function createChecks() {
  const trusted = parseTrustedProxies('10.0.0.0/8')
  const limit = createRateLimit({ perMinute: Number.MAX_SAFE_INTEGER, clock: Date.now })
  const cache = createOutcomeCache(Date.now)
  const settings = { app: 'demo', origins: ['*'], allowPlatformKeyFromBrowser: false, platformSources: [] }
  cache.putProof({ ...IDENTITY, settings, cachedUntilMs: 0, signature: undefined })
  const scanner = new FrameScanner({ pass() {}, packet: () => true, violate() {} }, TUNNEL_LIMITS)
  const signed = signIdentity(IDENTITY, KEYS, Date.now())
  const identity = ownLine(ownName('IM-Identity'), signed)
  const digest = (kind: CredentialKind, secret: string) => credentialDigest(kind, 'demo', secret)

  return {
    'read a whole request (fast lane)': () => parseLaneRequest(request, { bytesRead: 0 }),
    'fold, sort and drop its fields': () => normaliseHeaders(rawHeaders),
    'canonical path': () => parseTarget('/rooms?limit=20', 'chat.example'),
    'address behind trusted proxies': () => clientAddress('10.1.2.3', '203.0.113.7, 10.1.1.1', trusted),
    'digest of one credential (SHA-256)': () => digest('client-token', TOKEN),
    'look it up in the cache': () => cache.get(IDENTITY.credentialId),
    'rate limit': () => limit.take(IDENTITY.credentialId),
    'sign the identity (once per credential and 20 s)': () => signIdentity(IDENTITY, KEYS, Date.now()),
    'inject it': () =>
      injectFields([], {
        identity,
        address: '203.0.113.7',
        scheme: 'https',
        host: 'chat.example',
        requestId: 'x',
      }),
    'verify it (the core, once per text)': () => verifyIdentity(signed, KEYS, Date.now()),
    'CORS fields': () => corsFields('https://shop.example', ['https://shop.example']),
    'read the answer’s head': () => parseResponseHead(ANSWER, false),
    'follow one frame of 140 bytes': () => scanner.push(frame),
  }
}
