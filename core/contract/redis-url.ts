/** One Redis (`redis://`, `rediss://`), or some nodes of a cluster: `redis+cluster://user:password@host:port,host:port`. */
export type RedisAddress =
  | { kind: 'one'; url: string }
  | {
      kind: 'cluster'
      nodes: { host: string; port: number }[]
      username: string | undefined
      password: string | undefined
      isEncrypted: boolean
    }

const DEFAULT_PORT = 6_379

/** The value is not quoted: it may hold a password. @throws Error */
export function parseRedisUrl(text: string): RedisAddress {
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return { kind: 'one', url: text.replace(/\/+$/, '') }
  const [, secure, login, hosts = ''] = /^redis(s?)\+cluster:\/\/(?:([^@]*)@)?([^/@]+)\/*$/.exec(text) ?? []
  const nodes = hosts.split(',').map(parseNode)
  const isWhole = nodes.every((node) => node !== undefined)
  if (secure === undefined || !isWhole || !URL.canParse(`redis://${login ?? ''}@host`))
    throw new Error(
      'is not a URL such as redis://host:port or redis+cluster://host:port,host:port (rediss with TLS)',
    )
  const { username, password } = new URL(`redis://${login ?? ''}@host`)
  return {
    kind: 'cluster',
    nodes,
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    isEncrypted: secure === 's',
  }
}

function parseNode(text: string): { host: string; port: number } | undefined {
  if (text.trim() === '' || !URL.canParse(`redis://${text.trim()}`)) return undefined
  const { hostname, port } = new URL(`redis://${text.trim()}`)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? DEFAULT_PORT : Number(port) }
}
