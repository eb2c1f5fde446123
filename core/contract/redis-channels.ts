import { Redis } from 'ioredis'
import { openCluster, openNode, type RedisSettings } from './redis.ts'
import { parseRedisUrl } from './redis-url.ts'

/** Telling and hearing over Redis; in a cluster by sharded pub/sub, each channel at the shard of its name. */
export type RedisChannels = {
  /** How many heard it. Rejects where Redis cannot be reached. */
  publish(channel: string, text: string): Promise<number>
  canPublish(): boolean
  /** Whether every channel is heard. */
  isLinked(): boolean
  close(): void
}

type Parts = {
  url: string
  channels: readonly string[]
  publisher: RedisSettings
  subscriber: RedisSettings
  onMessage: (channel: string, text: string) => void
  /** Every channel is heard (again): some may have been missed. */
  onLinked: () => void
  onReady?: () => void
  onTrouble: (error: Error) => void
}

export function createRedisChannels(parts: Parts): RedisChannels {
  const address = parseRedisUrl(parts.url)
  const isCluster = address.kind === 'cluster'
  const { onTrouble, onReady } = parts
  const publisher = isCluster
    ? openCluster(address, parts.publisher)
    : new Redis(address.url, parts.publisher)
  publisher.on('error', onTrouble)
  if (onReady !== undefined) publisher.on('ready', onReady)
  const hearing = isCluster ? hearShards(address, parts) : hearOne(address.url, parts)
  return {
    publish: async (channel, text) =>
      Number(
        await (publisher instanceof Redis
          ? publisher.publish(channel, text)
          : publisher.spublish(channel, text)),
      ),
    canPublish: () => publisher.status === 'ready',
    isLinked: hearing.isLinked,
    close() {
      publisher.disconnect()
      hearing.close()
    },
  }
}

type Hearing = { isLinked(): boolean; close(): void }

function hearOne(
  url: string,
  { channels, subscriber: settings, onMessage, onLinked, onTrouble }: Parts,
): Hearing {
  const subscriber = new Redis(url, settings)
  let linked = false
  subscriber.on('error', onTrouble)
  subscriber.on('close', () => {
    linked = false
  })
  subscriber.on('ready', () => {
    subscriber.subscribe(...channels).then(() => {
      linked = true
      onLinked()
    }, onTrouble)
  })
  subscriber.on('message', onMessage)
  return {
    isLinked: () => linked,
    close() {
      linked = false
      subscriber.disconnect()
    },
  }
}

type ClusterAddress = Extract<ReturnType<typeof parseRedisUrl>, { kind: 'cluster' }>
type Node = { host: string; port: number }

/** A connection for each channel, to the master of its slot: the count of those who hear is the master's own. */
function hearShards(address: ClusterAddress, parts: Parts): Hearing {
  const linked = new Set<string>()
  const endings = parts.channels.map((channel) =>
    follow(address, channel, parts, (isLinked) => {
      if (!isLinked) linked.delete(channel)
      else if (linked.add(channel).size === parts.channels.length) parts.onLinked()
    }),
  )
  return {
    isLinked: () => linked.size === parts.channels.length,
    close() {
      linked.clear()
      for (const end of endings) end()
    },
  }
}

/** Stays subscribed wherever the channel's slot goes: asks any node, and goes where it is sent. */
function follow(
  address: ClusterAddress,
  channel: string,
  { subscriber: settings, onMessage, onTrouble }: Parts,
  onChange: (isLinked: boolean) => void,
): () => void {
  let attempt = 0
  let moves = 0
  let node: Node | undefined
  let timer: NodeJS.Timeout | undefined
  let end = () => {}

  function open(): void {
    const target = node ?? address.nodes[attempt % address.nodes.length]
    if (target === undefined) return
    node = undefined
    const redis = openNode(address, target, { ...settings, retryStrategy: () => null })
    let isOver = false
    let isSubscribed = false
    /** @param next where the slot is now, if that was said */
    const leave = (next?: Node) => {
      if (isOver) return
      isOver = true
      redis.disconnect()
      onChange(false)
      node = next
      // Nodes that send in a circle are asked again later, as those that do not answer.
      const isDirect = next !== undefined && moves++ < MAX_MOVES
      if (!isDirect) moves = 0
      timer = setTimeout(open, isDirect ? 0 : (settings.retryStrategy(++attempt) ?? 0)).unref()
    }
    end = () => {
      isOver = true
      redis.disconnect()
    }
    redis.on('error', onTrouble)
    redis.on('end', () => leave())
    // Also emitted when it was never subscribed; then the answer says where to go.
    redis.on('moved', () => isSubscribed && leave())
    redis.on('smessage', onMessage)
    redis.on('ready', () => {
      subscribe(redis, channel).then(
        (next) => {
          if (next !== undefined) return leave(next)
          if (isOver) return
          isSubscribed = true
          attempt = 0
          moves = 0
          onChange(true)
        },
        (error: Error) => {
          onTrouble(error)
          leave()
        },
      )
    })
  }

  open()
  return () => {
    clearTimeout(timer)
    end()
  }
}

const MAX_MOVES = 5

/** @returns where to go instead: a replica hears as well, but is not counted. */
async function subscribe(redis: Redis, channel: string): Promise<Node | undefined> {
  const [role, host, port] = await redis.role()
  if (role === 'slave') return { host: String(host), port: Number(port) }
  try {
    await redis.ssubscribe(channel)
    return undefined
  } catch (error) {
    const moved = error instanceof Error ? /^MOVED \d+ (.*):(\d+)$/.exec(error.message) : null
    if (moved === null) throw error
    // A node that does not know its own name means the one that was asked.
    return { host: moved[1] || (redis.options.host ?? ''), port: Number(moved[2]) }
  }
}
