/**
 * A customer configures an auth service or a key set, and the gateway calls it from inside the deployment's network:
 * to the database's port, to the orchestrator, to the cloud's metadata service. Names that lead to such addresses,
 * odd spellings of them, and redirects are the usual ways past a check of the URL's text.
 */
import t from 'tap'
import type { AppAuthentication } from '#contract/internal.ts'
import { answerJson, startAuthService } from '../gateway/authn/auth-service.ts'
import { createSigner } from '../gateway/authn/jwt-issuer.ts'
import { startForeignGateway, undecided } from './foreign-gateway.ts'

const external = (url: string, isDeployments = false): AppAuthentication => ({
  external: { url, timeoutMs: 1_000, cacheMs: 0, isDeployments },
})

t.test('no spelling of a private address is called', async (t) => {
  const inner = await startAuthService(t, answerJson({ id: 'root' }))
  const { port } = inner
  const gateway = await startForeignGateway(t, {}, {})
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.1.',
    '127.255.255.254',
    '0.0.0.0',
    '0',
    'localhost',
    'LOCALHOST',
    'localhost.',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '10.0.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fc00::1]',
    '168.63.129.16',
    '100.100.100.200',
    '224.0.0.1',
    '255.255.255.255',
  ]) {
    gateway.store.changeSettings('demo', { authentication: external(`http://${host}:${port}/`) })
    gateway.core.push()
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.strictSame(await gateway.present(`token for ${encodeURIComponent(host)}`), undecided, host)
  }
  t.equal(inner.requests.length, 0, 'nothing inside was called')
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('nor is a key set fetched from there', async (t) => {
  const signer = await createSigner('a')
  const inner = await startAuthService(t, answerJson({ keys: [signer.jwk] }))
  const jwksUrl = `http://localhost:${inner.port}/`
  const gateway = await startForeignGateway(t, { jwt: { jwksUrl, algorithms: ['ES256'] } }, {})
  const token = await signer.sign({ id: 'root', exp: Math.floor(Date.now() / 1_000) + 60 })
  t.strictSame(await gateway.present(token), undecided)
  t.equal(inner.requests.length, 0)
})

t.test('a deployment names what may be called; its own service needs no naming', async (t) => {
  const inner = await startAuthService(t, answerJson({ id: 'ada' }))
  const named = await startForeignGateway(t, external(inner.url), { ALLOW_PRIVATE_UPSTREAMS: '127.0.0.0/30' })
  t.strictSame(await named.present('a'), { status: 200, userId: 'ada' })
  const elsewhere = await startForeignGateway(t, external(inner.url), {
    ALLOW_PRIVATE_UPSTREAMS: '10.0.0.0/8',
  })
  t.strictSame(await elsewhere.present('a'), undecided)
  const own = await startForeignGateway(t, external(inner.url, true), {})
  t.strictSame(await own.present('a'), { status: 200, userId: 'ada' })
  t.equal(inner.requests.length, 2)

  own.store.changeSettings('demo', { authentication: external(inner.url) })
  own.core.push()
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.strictSame(await own.present('b'), undecided, 'its open connection is nobody else’s')
  t.equal(inner.requests.length, 2)
})

t.test('a redirect is not followed, wherever it leads', async (t) => {
  const inner = await startAuthService(t, answerJson({ id: 'root' }))
  const outer = await startAuthService(t, answerJson({}))
  const gateway = await startForeignGateway(t, external(outer.url))
  for (const status of [301, 302, 303, 307, 308]) {
    outer.respond = (_, response) => response.writeHead(status, { location: inner.url }).end('{"id":"root"}')
    t.strictSame(await gateway.present(`token ${status}`), undecided, `${status}`)
  }
  t.equal(outer.requests.length, 5)
  t.equal(inner.requests.length, 0)
})
