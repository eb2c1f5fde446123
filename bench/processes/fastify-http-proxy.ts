import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import httpProxy from '@fastify/http-proxy'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { credentialDigest } from '#contract/credential.ts'
import { IDENTITY_HEADER } from '#contract/identity.ts'
import type { Introspection } from '#contract/internal.ts'
import { parseSigningKeys, signIdentity } from '#contract/signature.ts'

// The rival: what a careful team would write around @fastify/http-proxy, doing the same work as the gateway for
// client tokens.

type Known = { userId: string; credentialId: string; signed: string; signedAtMs: number }

const {
  UPSTREAM_URL = '',
  CORE_INTERNAL_URL = '',
  IDENTITY_KEYS = '',
  APP = '',
  CLIENT_KEY = '',
} = process.env
const SIGNATURE_REUSE_MS = 20_000
const DROPPED = new Set([
  IDENTITY_HEADER,
  'im-client-key',
  'client-key',
  'im-authorization',
  'authorization',
  'im-api-key',
  'api-key',
  'im-client-id',
  'im-device-id',
  'x-forwarded-for',
  'forwarded',
])

const signingKeys = parseSigningKeys(IDENTITY_KEYS)
const clientKey = Buffer.from(CLIENT_KEY)
const known = new LRUCache<string, Known>({ max: 100_000, ttl: 60_000 })
const signedOf = new WeakMap<FastifyRequest, string>()

const fold = (name: string): string => name.toLowerCase().replace(/[_.]/g, '-')

const textOf = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? ''

function isClientKey(given: string): boolean {
  const bytes = Buffer.from(given)
  return bytes.length === clientKey.length && timingSafeEqual(bytes, clientKey)
}

async function introspect(digest: string): Promise<Known | undefined> {
  const answer = await fetch(`${CORE_INTERNAL_URL}/introspect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'client-token', digest }),
  })
  if (!answer.ok) throw new Error(`introspection answered ${answer.status}`)
  const found = (await answer.json()) as Introspection
  if (!found.active || found.grant.kind !== 'client-token') return undefined
  return { userId: found.grant.userId, credentialId: digest, signed: '', signedAtMs: 0 }
}

function signedFor(credential: Known): string {
  const now = Date.now()
  if (now - credential.signedAtMs >= SIGNATURE_REUSE_MS) {
    const { userId, credentialId } = credential
    const identity = {
      kind: 'client',
      app: APP,
      userId,
      deviceId: undefined,
      credentialId,
      expiresAtMs: undefined,
    } as const
    credential.signed = signIdentity(identity, signingKeys, now)
    credential.signedAtMs = now
  }
  return credential.signed
}

function refuse(reply: FastifyReply): void {
  void reply.code(401).send({ RC: 401, RM: 'Refused.' })
}

async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { headers } = request
  const key = textOf(headers['im-client-key'] ?? headers.client_key)
  const token = textOf(headers['im-authorization'] ?? headers.authorization).replace(/^Bearer /, '')
  if (!isClientKey(key) || token === '') return refuse(reply)
  const digest = credentialDigest('client-token', APP, token)
  let credential = known.get(digest)
  if (credential === undefined) {
    credential = await introspect(digest)
    if (credential === undefined) return refuse(reply)
    known.set(digest, credential)
  }
  signedOf.set(request, signedFor(credential))
}

function forwardedHeaders(request: FastifyRequest, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {}
  for (const name in headers) if (!DROPPED.has(fold(name))) kept[name] = headers[name]
  kept[IDENTITY_HEADER] = signedOf.get(request)
  kept['x-forwarded-for'] = request.ip
  return kept
}

const server = fastify({ logger: false })
await server.register(httpProxy, {
  upstream: UPSTREAM_URL,
  preHandler: authenticate,
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => forwardedHeaders(request as FastifyRequest, headers),
  },
})
console.log(`listening ${await server.listen({ port: 0, host: '127.0.0.1' })}`)
