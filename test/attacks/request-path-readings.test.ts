/**
 * The property behind path confusion: the class that the gateway gives a path is the class that the core's router
 * finds. Thousands of targets are made from the core's own endpoints (and the addresses that are open to callers without
 * an identity), twisted in the ways that have fooled others, and put to both. Precedents: Envoy CVE-2019-9901, Traefik
 * CVE-2026-48020, middie CVE-2026-2880.
 */
import fc from 'fast-check'
import t from 'tap'
import { parseTarget } from '../../gateway/http/path.ts'
import { paths } from '../fuzz/targets/paths.ts'
import { startGateway } from '../support/gateway.ts'
import { openRaw, requestText } from '../support/raw-http.ts'

t.test('five thousand twisted targets have one reading', async (t) => {
  t.teardown(() => paths.close?.())
  const property = fc.asyncProperty(paths.inputs, async (input) => paths.check(input))
  await t.resolves(fc.assert(property, { numRuns: 5_000 }))
})

t.test('through the gateway, what arrives is the canonical form, or nothing', async (t) => {
  const gateway = await startGateway(t, {
    env: { RATE_LIMIT_PLATFORM: '100000', RATE_LIMIT_REFUSED: '100000' },
  })
  const inputs = fc.sample(paths.inputs, 400) as { method: string; target: string }[]
  let forwarded = 0
  for (const { method, target } of inputs) {
    // What no request line can hold never arrives as it is.
    if (/[^\x21-\x7e]/.test(target)) continue
    const canonical = parseTarget(target, 'gateway.test')
    // The core of the test does not note questions for its readiness, whoever asks.
    if (typeof canonical === 'object' && canonical.path === '/readyz') continue
    const client = await openRaw(gateway.publicUrl)
    client.write(
      requestText(`${method} ${target} HTTP/1.1`, ['IM-API-KEY: demo_apikey', 'Content-Length: 0']),
    )
    const { status } = await client.response({ toHead: method === 'HEAD' })
    client.destroy()
    if (typeof canonical === 'string') t.equal(status, 400, `${method} ${target}`)
    const received = gateway.upstream.requests.slice(forwarded)
    forwarded = gateway.upstream.requests.length
    if (status !== 200) {
      t.equal(received.length, 0, `${method} ${target}: ${status}`)
      continue
    }
    t.equal(received.length, 1)
    t.same(canonical, {
      path: received[0]?.target.split('?')[0],
      query: received[0]?.target.replace(/^[^?]*/, ''),
    })
  }
  t.ok(forwarded > 50, `${forwarded} were forwarded`)
})
