import { BlockList, isIP } from 'node:net'
import type { AppSettings } from '#contract/internal.ts'

/** Settings are one object as long as they are cached, so their list is built once. */
const builtLists = new WeakMap<AppSettings, BlockList>()

/** Whether an app takes platform keys from an address. An entry that is no CIDR lets nobody in. */
export function isSourceAllowed(settings: AppSettings, address: string): boolean {
  if (settings.platformSources.length === 0) return true
  // A link-local address may carry its zone.
  const plain = address.split('%', 1)[0] ?? ''
  const version = isIP(plain)
  if (version === 0) return false
  let list = builtLists.get(settings)
  if (list === undefined) {
    list = listOf(settings.platformSources)
    builtLists.set(settings, list)
  }
  // An IPv4 address in IPv6 clothes matches the IPv4 entries too.
  return list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
}

function listOf(sources: readonly string[]): BlockList {
  const list = new BlockList()
  for (const source of sources) {
    const [network = '', prefix, ...rest] = source.trim().split('/')
    const version = isIP(network)
    const bits = version === 4 ? 32 : 128
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity
    if (version === 0 || length > bits || rest.length > 0 || network.includes('%')) continue
    list.addSubnet(network, length, version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}
