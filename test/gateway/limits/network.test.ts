import t from 'tap'
import { networkOf } from '../../../gateway/limits/network.ts'

t.test('an IPv4 address counts as itself, an IPv6 address as its /64', async (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1')
  t.equal(networkOf(''), '')
  const same = ['2001:db8:1:2::1', '2001:db8:1:2:ffff:1:2:3', '2001:0DB8:0001:0002::', '2001:db8:1:2::1%eth0']
  for (const address of same) t.equal(networkOf(address), '2001:db8:1:2::/64', address)
  t.equal(networkOf('::1'), '0:0:0:0::/64')
  t.equal(networkOf('fe80::1'), 'fe80:0:0:0::/64')
  t.not(networkOf('2001:db8:1:3::1'), networkOf('2001:db8:1:2::1'))
})
