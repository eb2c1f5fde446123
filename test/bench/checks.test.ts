import t from 'tap'
import { createChecks } from '../../bench/checks.ts'

t.test('each check whose cost is told takes the way that usual traffic takes', async (t) => {
  const checks = createChecks()
  t.match(checks['read a whole request (fast lane)'](), { path: '/rooms' })
  t.ok(checks['canonical path']())
  t.equal(checks['address behind trusted proxies'](), '203.0.113.7')
  t.match(checks['look it up in the cache'](), { userId: 'ada' })
  t.match(checks['verify it (the core, once per text)'](), { identity: { userId: 'ada' } })
  t.match(checks['read the answer’s head'](), { status: 200, contentLength: 512 })
  t.ok(checks['CORS fields']().includes('https://shop.example'))
  t.match(checks['inject it'](), { length: Number })
  for (const [name, check] of Object.entries(checks)) t.doesNotThrow(check, name)
})
