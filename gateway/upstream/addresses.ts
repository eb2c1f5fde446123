import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

/** Where cores may be found: a name with all its addresses, or one address. */
export type UpstreamOrigin = { hostname: string; port: number }

/** One address, and the authority (`host:port`) that it was configured by. */
export type UpstreamAddress = { host: string; port: number; authority: string }

export type Lookup = (hostname: string) => Promise<readonly string[]>

export const lookupAll: Lookup = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address)

/** @throws Error naming the URL that is not plain `http://host[:port]` */
export function parseUpstreamUrls(urls: readonly string[]): UpstreamOrigin[] {
  if (urls.length === 0) throw new Error('at least one upstream URL is needed')
  return urls.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const isPlain = url?.protocol === 'http:' && url.username === '' && url.password === ''
    if (url === undefined || !isPlain || url.pathname !== '/' || url.search !== '' || url.hash !== '')
      throw new Error('an upstream URL is http://host[:port], without user, path or query')
    return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) }
  })
}

/**
 * Every address of every origin, each once. Where a name cannot be resolved, or to nothing, `fallback` says what
 * it was last known as: a name server's bad minute is no reason to drop the cores.
 */
export async function resolveOrigins(
  origins: readonly UpstreamOrigin[],
  resolve: Lookup,
  fallback: (authority: string) => readonly string[],
): Promise<Map<string, UpstreamAddress>> {
  const found = await Promise.all(
    origins.map(async ({ hostname, port }) => {
      const authority = authorityOf(hostname, port)
      const hosts = isIP(hostname) !== 0 ? [hostname] : await resolve(hostname).catch(() => [])
      const known = hosts.length > 0 ? hosts : fallback(authority)
      return known.map((host) => ({ host, port, authority }))
    }),
  )
  return new Map(found.flat().map((address) => [authorityOf(address.host, address.port), address]))
}

export const authorityOf = (host: string, port: number): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
