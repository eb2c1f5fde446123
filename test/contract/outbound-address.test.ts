import t from 'tap'
import { createAddressRule, parsePrivateUpstreams } from '#contract/outbound-address.ts'

const PUBLIC = [
  '8.8.8.8',
  '172.32.0.1',
  '192.167.255.255',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
]
const PRIVATE = [
  '10.0.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '172.16.0.1',
  '192.168.255.255',
  '100.127.0.1',
  '::1',
  'fd12::1',
  '::ffff:10.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::a00:1',
]
const NEVER = [
  '0.0.0.0',
  '169.254.169.254',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::254',
  '224.0.0.1',
  '255.255.255.255',
  '192.0.2.1',
  '::',
  '::127.0.0.1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '64:ff9b:1::1',
  'localhost',
  '',
  '1.2.3',
]

const allowedOf = (upstreams: string, addresses: readonly string[]) =>
  addresses.filter(createAddressRule(parsePrivateUpstreams(upstreams)))

t.test('public addresses are called, private ones only where the deployment says so', async (t) => {
  t.strictSame(allowedOf('false', [...PUBLIC, ...PRIVATE, ...NEVER]), PUBLIC)
  t.strictSame(allowedOf('true', [...PUBLIC, ...PRIVATE, ...NEVER]), [...PUBLIC, ...PRIVATE])
})

t.test('a network that is named is called, whatever it is, and no other', async (t) => {
  t.strictSame(allowedOf('10.0.0.0/8, 169.254.169.0/24', [...PUBLIC, ...PRIVATE, ...NEVER]), [
    ...PUBLIC,
    '10.0.0.1',
    '::ffff:10.0.0.1',
    '169.254.169.254',
    '::ffff:169.254.169.254',
  ])
  t.strictSame(allowedOf('fd12::/16', PRIVATE), ['fd12::1'])
})

t.test('what is neither true, false nor a list of networks is refused', async (t) => {
  for (const text of [
    'perhaps',
    '10.0.0.1',
    '10.0.0.0/33',
    '10.0.0/8',
    'fe80::1%eth0/64',
    '10.0.0.0/8,localhost/8',
  ])
    t.throws(() => parsePrivateUpstreams(text), /is neither true, false nor a network/, text)
})
