import t from 'tap'
import { isSourceAllowed } from '../../../gateway/authn/source-filter.ts'
import { settingsOf } from './core-stand-in.ts'

const allows = (platformSources: string[], address: string): boolean =>
  isSourceAllowed(settingsOf('shop', { platformSources }), address)

t.test('an empty list lets every address in', async (t) => {
  t.ok(allows([], '203.0.113.9'))
  t.ok(allows([], 'not an address'))
})

t.test('addresses are matched by network, in both families', async (t) => {
  const sources = ['198.51.100.0/24', '203.0.113.9', '2001:db8::/32']
  for (const address of ['198.51.100.1', '203.0.113.9', '2001:db8::1', '::ffff:198.51.100.1'])
    t.ok(allows(sources, address), address)
  for (const address of ['198.51.101.1', '203.0.113.10', '2001:db9::1', '::ffff:203.0.113.10', '::1'])
    t.notOk(allows(sources, address), address)
  t.ok(allows(['0.0.0.0/0'], '192.0.2.1'))
  t.ok(allows(['fe80::/10'], 'fe80::1%eth0'))
})

t.test('an entry that cannot be read lets nobody in', async (t) => {
  for (const source of [
    '',
    'everywhere',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '::/129',
  ])
    t.notOk(allows([source], '10.0.0.1'), source)
  t.ok(allows(['everywhere', '10.0.0.0/8'], '10.0.0.1'), 'the others still hold')
})

t.test('what is no address is not let in by a list', async (t) => {
  for (const address of ['', 'localhost', '10.0.0.1:80', '10.0.0', '%eth0'])
    t.notOk(allows(['0.0.0.0/0'], address))
})
