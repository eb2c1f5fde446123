import t from 'tap'
import { clientAddress, parseTrustedProxies } from '../../../gateway/headers/forwarded.ts'

const trusted = parseTrustedProxies('10.0.0.0/8, 2001:db8::/32')

t.test('the peer is the client where no proxy is trusted', async (t) => {
  t.equal(clientAddress('203.0.113.9', '1.2.3.4', trusted), '203.0.113.9')
  t.equal(clientAddress('10.0.0.1', '1.2.3.4', parseTrustedProxies(' ')), '10.0.0.1')
})

t.test('behind trusted proxies it is the last address that is not one of them', async (t) => {
  t.equal(clientAddress('10.0.0.1', '6.6.6.6, 198.51.100.7, 10.0.0.2', trusted), '198.51.100.7')
  t.equal(clientAddress('::ffff:10.0.0.1', '198.51.100.7', trusted), '198.51.100.7')
  t.equal(clientAddress('2001:db8::1', '198.51.100.7', trusted), '198.51.100.7')
})

t.test('what is no address ends the walk', async (t) => {
  t.equal(clientAddress('10.0.0.1', '198.51.100.7, unknown', trusted), '10.0.0.1')
})

t.test('a bad range is refused by name', async (t) => {
  for (const text of ['10.0.0.0/33', 'proxy', '10.0.0.0/', '1.2.3.4/x'])
    t.throws(() => parseTrustedProxies(text), text)
})
