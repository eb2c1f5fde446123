import { BlockList, isIP } from 'node:net'

/**
 * Private addresses that an app's URLs may lead to, beside the public ones: none, all of them, or named networks
 * (CIDR). What only ever means this machine's surroundings (link-local, metadata, multicast) has to be named.
 */
export type PrivateUpstreams = 'none' | 'all' | readonly string[]

/** Whether an app's URL may lead to an address; asked of the very address that is connected to. */
export type AddressRule = (address: string) => boolean

const PRIVATE_IPV4 = ['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']
const PRIVATE_IPV6 = ['::1/128', 'fc00::/7']

/** The last two are clouds' metadata services, at home in ranges that say nothing of it. */
const UNREACHABLE_IPV4 = [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '100.100.100.200/32',
  '168.63.129.16/32',
]
const UNREACHABLE_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', 'fd00:ec2::/32']

/** Beside what translates to IPv4, the only IPv6 that is routed between strangers. */
const GLOBAL_IPV6 = ['2000::/3', '::ffff:0:0/96', '64:ff9b::/96']
/** NAT64 (RFC 6052): an IPv4 address in other clothes, whose rules it has. */
const NAT64 = '64:ff9b::'
const NAT64_BITS = 96

const CIDR = /^(.+)\/(\d{1,3})$/

/** Reads `true`, `false`, or a list of networks such as `10.0.5.0/24,fd12::/16`. @throws Error saying what is wrong */
export function parsePrivateUpstreams(text: string): PrivateUpstreams {
  if (/^(true|1|yes|on)$/i.test(text)) return 'all'
  if (/^(false|0|no|off)$/i.test(text)) return 'none'
  const networks = text.split(',').flatMap((entry) => entry.trim() || [])
  listOf(networks)
  return networks
}

export function createAddressRule(allowed: PrivateUpstreams): AddressRule {
  const named = listOf(typeof allowed === 'string' ? [] : allowed)
  const unreachable = listOf([...UNREACHABLE_IPV6, ...UNREACHABLE_IPV4.flatMap(withNat64)])
  const privateOnes = listOf([...PRIVATE_IPV6, ...PRIVATE_IPV4.flatMap(withNat64)])
  const globalIpv6 = listOf(GLOBAL_IPV6)
  return (text) => {
    const [address = ''] = text.split('%', 1)
    const version = isIP(address)
    if (version === 0) return false
    // An IPv4 address mapped into IPv6 is checked by the IPv4 rules too.
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (named.check(address, family)) return true
    if (unreachable.check(address, family)) return false
    if (privateOnes.check(address, family)) return allowed === 'all'
    return version === 4 || globalIpv6.check(address, family)
  }
}

const withNat64 = (network: string): string[] => {
  const [address, bits] = network.split('/')
  return [network, `${NAT64}${address}/${NAT64_BITS + Number(bits)}`]
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [, address = '', bits = ''] = CIDR.exec(network) ?? []
    const version = isIP(address)
    if (version === 0 || address.includes('%') || Number(bits) > (version === 4 ? 32 : 128))
      throw new Error(`"${network}" is neither true, false nor a network such as 10.0.5.0/24`)
    list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}
