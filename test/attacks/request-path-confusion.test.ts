/**
 * The gateway decides on one reading of a path, the core's router on another. One canonical form serves both
 * here, and what can be read in two ways is refused. Precedents: Envoy CVE-2019-9901, http-proxy CVE-2026-16117,
 * middie CVE-2026-2880.
 */
import t from 'tap'
import { GOOD, startGateway } from '../support/gateway.ts'
import { openRaw, requestText, sendRaw } from '../support/raw-http.ts'

const AMBIGUOUS = [
  '//admin/clients',
  '/rooms//x',
  '/rooms/../admin/clients',
  '/rooms/%2e%2e/admin/clients',
  '/rooms/.%2e/x',
  '/./rooms',
  '/rooms/.',
  '/rooms\\..\\admin',
  '/rooms/%5c..',
  '/rooms/%00',
  '/rooms/%0d%0aX: y',
  '/rooms/%zz',
  '/rooms/%',
  '/rooms#x',
  'http://evil.example/rooms',
  'rooms',
  '/rooms/\x7f',
  '/stickers/..;/admin/../x',
]

t.test('ambiguous targets are refused, and nothing is forwarded', async (t) => {
  const gateway = await startGateway(t)
  for (const target of AMBIGUOUS) {
    const response = await sendRaw(gateway.publicUrl, requestText(`GET ${target} HTTP/1.1`, [...GOOD]))
    t.equal(response.status, 400, JSON.stringify(target))
  }
  t.equal(gateway.upstream.requests.length, 0)
})

t.test('what is forwarded is what was decided on', async (t) => {
  const gateway = await startGateway(t)
  const cases: [string, string][] = [
    ['/%61dmin/clients', '/admin/clients'],
    ['/rooms/a%2fb', '/rooms/a%2Fb'],
    ['http://gateway.test/rooms?x=1', '/rooms?x=1'],
    ['/rooms/?q={"members":"a"}&x=%7b', '/rooms/?q={"members":"a"}&x=%7b'],
  ]
  for (const [sent, forwarded] of cases) {
    await sendRaw(gateway.publicUrl, requestText(`GET ${sent} HTTP/1.1`, [...GOOD]))
    t.equal((await gateway.upstream.next()).target, forwarded, sent)
  }
})

t.test(
  'an address that is open to anonymous callers stays the only one, however it is written',
  async (t) => {
    const gateway = await startGateway(t)
    for (const target of ['/stickers', '/stickers/', '/%73tickers']) {
      const response = await sendRaw(gateway.publicUrl, requestText(`GET ${target} HTTP/1.1`))
      t.equal(response.status, 200, target)
      await gateway.upstream.next()
    }
    for (const target of ['/stickers/x', '/STICKERS', '/stickers;x', '/stickers%2f', '/stickers%20']) {
      const response = await sendRaw(gateway.publicUrl, requestText(`GET ${target} HTTP/1.1`))
      t.equal(response.status, 401, target)
    }
    t.equal((await sendRaw(gateway.publicUrl, requestText('POST /stickers HTTP/1.1'))).status, 401)
  },
)

t.test('methods that have no business here are refused', async (t) => {
  const gateway = await startGateway(t)
  for (const method of ['TRACE', 'PROPFIND', 'LINK'])
    t.equal(
      (await sendRaw(gateway.publicUrl, requestText(`${method} /me HTTP/1.1`, [...GOOD]))).status,
      405,
      method,
    )
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  connection.write('CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n')
  t.equal((await connection.response()).status, 405)
  t.equal(gateway.upstream.requests.length, 0)
})
