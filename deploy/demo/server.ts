/**
 * What a customer's server does in an application with this chat: it knows its own users, and gives one who has
 * signed in a token that it has bound with its platform key. The page gets token and client key, never the
 * platform key.
 */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastify, { type FastifyReply } from 'fastify'
import { pageFiles } from '#contract/page.ts'
import { createPlatformApi } from './platform-api.ts'
import { DEMO_USERS } from './users.ts'

export type DemoServer = {
  url: string
  /** Tells the chat of the demo's people and their first room. */
  introduce(): Promise<void>
  close(): Promise<void>
}

export type DemoServerParts = {
  clientKey: string
  platformKey: string
  /** Undefined while the gateway is starting. */
  gatewayUrl: () => string | undefined
  warn: (line: string) => void
  clock: () => number
}

const TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1_000
const SIGN_INS_PER_MINUTE = 60
const MINUTE_MS = 60_000

/** The Socket.IO client is the one that the server's package brings along. */
const CLIENT_FOLDER = join(
  dirname(createRequire(import.meta.url).resolve('socket.io/package.json')),
  'client-dist',
)

export async function createDemoServer(parts: DemoServerParts): Promise<DemoServer> {
  const platform = createPlatformApi(parts.gatewayUrl, parts.platformKey)
  const users = new Map(DEMO_USERS.map((user) => [user.id, user]))
  const allowed = perMinute(SIGN_INS_PER_MINUTE, parts.clock)
  const server = fastify({
    bodyLimit: 1_024,
    forceCloseConnections: true,
    ajv: { customOptions: { coerceTypes: false } },
  })

  const refuse = (reply: FastifyReply, status: number, code: string, message: string) =>
    reply.code(status).send({ error: { code, message } })

  server.get('/demo', (_request, reply) => reply.redirect('/demo/'))
  server.get('/demo/users', () => ({ users: DEMO_USERS }))
  server.get('/demo/', (_request, reply) => reply.sendFile('index.html'))
  await server.register(fastifyStatic, pageFiles(join(import.meta.dirname, 'page'), '/demo/'))
  server.get('/demo/socket.io.js', (_request, reply) => reply.sendFile('socket.io.esm.min.js', CLIENT_FOLDER))
  server.setNotFoundHandler((_request, reply) =>
    refuse(reply, 404, 'NOT_FOUND', 'There is nothing at this address.'),
  )

  server.post<{ Body: { user: string } }>(
    '/demo/sign-in',
    {
      schema: {
        body: { type: 'object', required: ['user'], properties: { user: { type: 'string', maxLength: 64 } } },
      },
    },
    async (request, reply) => {
      // A real server would check a password here. This one only keeps other sites' pages out.
      const site = request.headers['sec-fetch-site']
      if (site !== undefined && site !== 'same-origin')
        return refuse(reply, 403, 'OTHER_SITE', 'Sign in from the page itself.')
      const user = users.get(request.body.user)
      if (user === undefined) return refuse(reply, 404, 'UNKNOWN_USER', 'The demo has no such user.')
      if (!allowed()) return refuse(reply, 429, 'TOO_MANY', 'Too many sign-ins. Wait a minute.')
      const token = randomBytes(24).toString('base64url')
      try {
        await platform.bindToken(user, token, parts.clock() + TOKEN_LIFETIME_MS)
      } catch (error) {
        parts.warn(`Signing ${user.id} in failed: ${error instanceof Error ? error.message : error}`)
        return refuse(reply, 502, 'CHAT_UNAVAILABLE', 'The chat cannot be reached at the moment.')
      }
      return reply.header('cache-control', 'no-store').send({ user, token, clientKey: parts.clientKey })
    },
  )

  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    async introduce() {
      const [owner, ...others] = DEMO_USERS
      if (owner === undefined) return
      try {
        await platform.saveUsers(DEMO_USERS)
        const memberIds = others.map((user) => user.id)
        await platform.openGroup({ id: 'lobby', name: 'Lobby', ownerId: owner.id, memberIds })
      } catch (error) {
        parts.warn(`The demo's users could not be saved: ${error instanceof Error ? error.message : error}`)
      }
    },
    close: () => server.close(),
  }
}

/** True so many times in any one minute's window. */
function perMinute(limit: number, clock: () => number): () => boolean {
  let windowStartMs = Number.NEGATIVE_INFINITY
  let used = 0
  return () => {
    const nowMs = clock()
    if (nowMs - windowStartMs >= MINUTE_MS) {
      windowStartMs = nowMs
      used = 0
    }
    used++
    return used <= limit
  }
}
