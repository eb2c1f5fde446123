import { setTimeout as delay } from 'node:timers/promises'
import { herd, saturate, useSockets } from './load.ts'
import type { Figures } from './report.ts'
import { requestsTo, socketOrder } from './requests.ts'
import type { Target } from './scenario.ts'
import { usageOf } from './usage.ts'

/** The store answers only once all have asked; a proxy that shares no look-up then makes one for each. */
const STORE_HELD_MS = 500
const SETTLING_MS = 2_000
const IDLE_WARMUP_MS = 3_000

export const herding =
  (connections: number) =>
  async (target: Target): Promise<Figures> => {
    const { url, credentials, words, pids } = target
    const tokens = await credentials.coldTokens(1)
    const requests = requestsTo(target, { tokens })
    const load = await herd({ url, connections, requests }, words)
    const before = { cpuUs: usageOf(pids).cpuUs, reads: await credentials.storeReads() }
    await credentials.holdStore(STORE_HELD_MS)
    await load.turn(0)
    const cpuUs = usageOf(pids).cpuUs - before.cpuUs
    const lookups = (await credentials.storeReads()) - before.reads
    const { failures } = await load.end()
    return { requests: connections, failures, cpuUs: cpuUs / connections, lookups }
  }

export const idling =
  (tunnels: number) =>
  async (target: Target): Promise<Figures> => {
    // What a process at work needs anyway, its collector's young generation above all, is not the tunnels'.
    const { url, words, pids, collectGarbage } = target
    const atWork = await saturate({ url, connections: 64, requests: requestsTo(target) }, words)
    await atWork.turn(IDLE_WARMUP_MS)
    await atWork.end()
    await collectGarbage?.()
    const before = usageOf(pids)
    const load = await useSockets(socketOrder(target, 'idle', tunnels), words)
    await delay(SETTLING_MS)
    await collectGarbage?.()
    const after = usageOf(pids)
    const { failures } = await load.end()
    return {
      requests: tunnels,
      failures,
      cpuUs: (after.cpuUs - before.cpuUs) / tunnels,
      kilobytes: (after.residentBytes - before.residentBytes) / tunnels / 1_024,
    }
  }
