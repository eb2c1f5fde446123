/** Where gateway and core open their Redis, so that both mean the same by one address. */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'

export type RedisSettings = Pick<
  RedisOptions,
  | 'protocol'
  | 'disableClientInfo'
  | 'connectTimeout'
  | 'commandTimeout'
  | 'socketTimeout'
  | 'keepAlive'
  | 'autoResendUnfulfilledCommands'
  | 'autoResubscribe'
  | 'maxRetriesPerRequest'
  | 'enableOfflineQueue'
  | 'lazyConnect'
> & { retryStrategy: (attempt: number) => number | null }

/** What one Redis and a cluster of them can both do. */
export type RedisClient = Pick<
  Redis,
  | 'get'
  | 'mget'
  | 'set'
  | 'del'
  | 'eval'
  | 'ping'
  | 'hset'
  | 'hdel'
  | 'hgetall'
  | 'pexpire'
  | 'zadd'
  | 'zrange'
  | 'zrem'
> & {
  readonly status: string
  on(event: 'ready' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  connect(): Promise<void>
  disconnect(): void
}

type ClusterAddress = Extract<RedisAddress, { kind: 'cluster' }>

/**
 * In a cluster every key is in one slot. An entry is believed by the position that is read beside it; on two shards a
 * failover could lose the one and keep the other, and a revoked credential would live on.
 */
const ONE_SLOT = '{im}:'

export function openRedis(url: string, settings: RedisSettings): RedisClient {
  const address = parseRedisUrl(url)
  return address.kind === 'one' ? new Redis(address.url, settings) : openCluster(address, settings, ONE_SLOT)
}

export function openCluster(address: ClusterAddress, settings: RedisSettings, keyPrefix = ''): Cluster {
  const { retryStrategy, enableOfflineQueue, lazyConnect, maxRetriesPerRequest, ...node } = settings
  return new Cluster(address.nodes, {
    clusterRetryStrategy: retryStrategy,
    enableOfflineQueue,
    lazyConnect,
    keyPrefix,
    redisOptions: { ...node, maxRetriesPerRequest, ...accessTo(address) },
    // Names as they are: certificates are made out to them.
    ...(address.isEncrypted && { dnsLookup: (host, found) => found(null, host) }),
  })
}

export function openNode(
  address: ClusterAddress,
  node: { host: string; port: number },
  settings: RedisSettings,
): Redis {
  return new Redis({ ...settings, ...accessTo(address), ...node })
}

function accessTo({ username, password, isEncrypted }: ClusterAddress) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isEncrypted && { tls: {} }),
  }
}
