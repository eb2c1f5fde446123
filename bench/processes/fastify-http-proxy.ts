import httpProxy from '@fastify/http-proxy'
import fastify, { type FastifyRequest } from 'fastify'
import { IDENTITY_HEADER } from '#contract/identity.ts'
import { createCredentialCheck, withoutReserved } from './credential-check.ts'

// What a careful team would write around @fastify/http-proxy; bare, the same without the work.

const { UPSTREAM_URL = '', BARE } = process.env
const signedOf = new WeakMap<FastifyRequest, string>()

/** The upstream's connection is not the client's: passed on, it would promise to keep what the client wants closed. */
function withoutConnection<T extends { connection?: unknown }>(headers: T): T {
  delete headers.connection
  return headers
}

const server = fastify({ logger: false })
if (BARE === undefined) {
  const { check } = createCredentialCheck(process.env)
  await server.register(httpProxy, {
    upstream: UPSTREAM_URL,
    async preHandler(request, reply) {
      const signed = await check(request.headers)
      if (signed === undefined) reply.code(401).send({ RC: 401, RM: 'Refused.' })
      else signedOf.set(request, signed)
    },
    replyOptions: {
      rewriteHeaders: withoutConnection,
      rewriteRequestHeaders: (request, headers) => ({
        ...withoutReserved(headers),
        [IDENTITY_HEADER]: signedOf.get(request as FastifyRequest),
        'x-forwarded-for': (request as FastifyRequest).ip,
      }),
    },
  })
} else
  await server.register(httpProxy, {
    upstream: UPSTREAM_URL,
    replyOptions: { rewriteHeaders: withoutConnection },
  })
console.log(`listening ${await server.listen({ port: 0, host: '127.0.0.1' })}`)
