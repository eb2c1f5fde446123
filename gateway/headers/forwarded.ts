import { BlockList, isIP } from 'node:net'

/** Addresses of proxies whose `X-Forwarded-For` is believed. */
export type TrustedProxies = { has(address: string): boolean }

/**
 * Reads addresses and CIDR ranges, comma separated.
 * @throws Error naming the entry that is neither.
 */
export function parseTrustedProxies(text: string): TrustedProxies {
  const entries = text.split(',').flatMap((part) => part.trim() || [])
  const list = parseNetworks(entries)
  return { has: (address) => entries.length > 0 && inNetworks(list, address) }
}

/** @throws Error naming the entry that is neither an address nor a CIDR range. */
export function parseNetworks(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const version = isIP(address)
    if (version === 0) throw new Error(`"${entry}" is not an address or a CIDR range`)
    const family = version === 4 ? 'ipv4' : 'ipv6'
    const max = version === 4 ? 32 : 128
    const length = bits === undefined ? max : Number(bits)
    if (!Number.isInteger(length) || length < 0 || length > max || bits === '')
      throw new Error(`"${entry}" is not an address or a CIDR range`)
    list.addSubnet(address, length, family)
  }
  return list
}

export function inNetworks(list: BlockList, address: string): boolean {
  const plain = withoutMapping(address)
  const version = isIP(plain)
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * The address to hold responsible: the peer's own, or, behind trusted proxies, the last address in
 * `X-Forwarded-For` that is not a trusted proxy (what stands left of it is the client's own word).
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: TrustedProxies,
): string {
  let address = withoutMapping(peer ?? '')
  if (forwardedFor === undefined || !trusted.has(address)) return address
  const hops = forwardedFor.split(',')
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = withoutMapping((hops[i] as string).trim())
    if (isIP(hop) === 0) break
    address = hop
    if (!trusted.has(hop)) break
  }
  return address
}

/** `::ffff:192.0.2.1`, an IPv4 peer of a dual-stack socket, as `192.0.2.1`. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
