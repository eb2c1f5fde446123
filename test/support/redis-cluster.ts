import { Redis } from 'ioredis'
import type { Scope } from './child-process.ts'
import { eventually } from './eventually.ts'
import { startRedis } from './redis.ts'

export type TestRedisCluster = {
  url: string
  /** The masters, by their shares of the slots. */
  nodes: Redis[]
  /** Moves a slot with all that is in it, as a rebalancing does. */
  moveSlot(slot: number): Promise<void>
}

const SLOTS = 16_384

/** Three masters that share the slots, without replicas. */
export async function startRedisCluster(t: Scope): Promise<TestRedisCluster> {
  const servers = await Promise.all([1, 2, 3].map(() => startRedis(t, { cluster: true })))
  const nodes = servers.map(({ port }) => new Redis({ port, host: '127.0.0.1' }))
  t.teardown(() => {
    for (const node of nodes) node.disconnect()
  })
  const share = Math.ceil(SLOTS / nodes.length)
  await Promise.all(
    nodes.map((node, i) =>
      node.call('CLUSTER', 'ADDSLOTSRANGE', i * share, Math.min(SLOTS, (i + 1) * share) - 1),
    ),
  )
  const [first] = nodes
  if (first === undefined) throw new Error('there are three')
  for (const { port, busPort = 0 } of servers.slice(1))
    await first.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort)
  await eventually('every node knows of every slot', async () => {
    const states = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'INFO')))
    return states.every(
      (state) => /cluster_state:ok/.test(String(state)) && /cluster_size:3/.test(String(state)),
    )
  })
  const ids = await Promise.all(nodes.map(async (node) => String(await node.call('CLUSTER', 'MYID'))))

  return {
    url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    async moveSlot(slot) {
      const from = Math.floor(slot / share)
      const to = (from + 1) % nodes.length
      const [source, target] = [nodes[from], nodes[to]]
      const port = servers[to]?.port
      if (source === undefined || target === undefined || port === undefined) throw new Error('no such slot')
      await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[from]))
      await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[to]))
      const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 1_000)) as string[]
      for (const key of keys) await source.call('MIGRATE', '127.0.0.1', port, key, 0, 1_000)
      for (const node of [target, source, ...nodes.filter((one) => one !== source && one !== target)])
        await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[to]))
    },
  }
}
