/**
 * What an address is counted as. One subscriber of IPv6 has at least a /64 and may send from each of its addresses,
 * so there the network counts; an IPv4 address counts as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [plain = ''] = address.split('%', 1)
  const [head = '', tail] = plain.split('::', 2)
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    const missing = 8 - groups.length - after.length
    for (let i = 0; i < missing; i++) groups.push('0')
    groups.push(...after)
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
  return `${network.join(':')}::/64`
}
