import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { createCredentialCheck, withoutReserved } from './credential-check.ts'

const gateway = createRequire(process.env.MODULES ?? '')('fast-gateway')
const { check } = createCredentialCheck(process.env)

async function authenticate(req: IncomingMessage, res: ServerResponse, next: () => void): Promise<void> {
  const signed = await check(req.headers)
  if (signed === undefined) {
    res.statusCode = 401
    res.end()
    return
  }
  req.headers = { ...withoutReserved(req.headers), 'im-identity': signed }
  next()
}

const port = Number(process.env.PORT)
// Longer than a rival rests while the others have their turns.
const KEEP_ALIVE_MS = 75_000

const server = await gateway({
  routes: [
    {
      prefix: '',
      pathRegex: '/*',
      prefixRewrite: '',
      target: process.env.UPSTREAM_URL,
      middlewares: [authenticate],
    },
  ],
}).start(port, '127.0.0.1')
server.keepAliveTimeout = KEEP_ALIVE_MS
console.log(`listening http://127.0.0.1:${port}`)
