/**
 * An auth service, or a key set, that a customer runs badly or in bad faith: it answers slowly, endlessly, compressed
 * a thousandfold, or with headers without end. Every request waits for it, and what is read of it is memory.
 */
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { answerByToken, type Respond, startAuthService } from '../gateway/authn/auth-service.ts'
import { createSigner, startIssuer } from '../gateway/authn/jwt-issuer.ts'
import { startForeignGateway, undecided } from './foreign-gateway.ts'

const TIMEOUT_MS = 400

/** Writes until the other side has had enough. */
function writeForever(response: ServerResponse, chunk: string, everyMs: number): void {
  const timer = setInterval(() => response.write(chunk), everyMs)
  response.on('close', () => clearInterval(timer))
}

const ATTACKS: Record<string, Respond> = {
  'no answer': () => {},
  'a head without end': (_, response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\n')
    const timer = setInterval(() => response.socket?.write(`x-${Math.random()}: ${'x'.repeat(1_000)}\r\n`), 1)
    response.socket?.on('close', () => clearInterval(timer))
  },
  'a body without end': (_, response) => writeForever(response.writeHead(200), 'x'.repeat(16_384), 1),
  'a body that drips': (_, response) => writeForever(response.writeHead(200), ' ', 50),
  'a refusal without end': (_, response) => {
    response.writeHead(500)
    writeForever(response, 'x'.repeat(16_384), 1)
  },
  'a large answer': (_, response) => response.end(JSON.stringify({ id: 'root', x: 'x'.repeat(70_000) })),
  'a length that promises more': (_, response) =>
    response.writeHead(200, { 'content-length': '1000000000' }).write('{"id":"root"}'),
  'a small answer that is large inside': (_, response) =>
    response
      .writeHead(200, { 'content-encoding': 'gzip' })
      .end(gzipSync(JSON.stringify({ id: 'root', x: 'x'.repeat(10_000_000) }))),
  'a compressed answer': (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"id":"root"}')),
  'deep nesting': (_, response) => response.end(`${'['.repeat(30_000)}`),
  'not HTTP': (_, response) => response.socket?.end('SSH-2.0-OpenSSH\r\n'),
}

for (const [what, respond] of Object.entries(ATTACKS))
  t.test(`an auth service with ${what}: 503, others unaffected, the next is asked anew`, async (t) => {
    const service = await startAuthService(t, respond)
    const external = { url: service.url, timeoutMs: TIMEOUT_MS, cacheMs: 0, isDeployments: false }
    const gateway = await startForeignGateway(t, { external })
    const [attacked, unaffected] = await Promise.all([
      gateway.present('token-of-ada'),
      gateway.send('eve-token', 'other_clientkey'),
    ])
    t.strictSame({ ...attacked, userId: undefined }, undecided)
    t.equal(unaffected.status, 200)
    service.respond = answerByToken
    t.match(await gateway.present('token-of-bob'), { status: 200, userId: 'bob' })
  })

t.test('a key set is held to the same limits', async (t) => {
  const signer = await createSigner('a')
  const token = await signer.sign({ id: 'root', exp: Math.floor(Date.now() / 1_000) + 60 })
  for (const what of ['a body without end', 'a large answer', 'a compressed answer', 'not HTTP']) {
    const issuer = await startIssuer(t)
    issuer.respond = ATTACKS[what] ?? issuer.respond
    const gateway = await startForeignGateway(t, { jwt: { jwksUrl: issuer.url, algorithms: ['ES256'] } })
    t.strictSame(await gateway.present(token), undecided, what)
  }
})
