/** What gateways and cores hold and use. */
import { openGauge } from '../../test/soak/gauge.ts'
import type { TestService } from '../../test/support/service.ts'
import { usageOf } from '../usage.ts'

export const PARTS = ['gateway', 'core'] as const
export type Part = (typeof PARTS)[number]
export type Services = Record<Part, readonly TestService[]>

/** `heapBytes`: after a garbage collection. */
export type Memory = { residentBytes: number; heapBytes: number }

/** The services were started with `GAUGED`. */
export async function memoryOf({ gateway, core }: Services): Promise<Record<Part, Memory>> {
  return { gateway: await sumOf(gateway), core: await sumOf(core) }
}

export const cpuUsOf = ({ gateway, core }: Services): Record<Part, number> => ({
  gateway: usageOf(gateway.map(({ pid }) => pid)).cpuUs,
  core: usageOf(core.map(({ pid }) => pid)).cpuUs,
})

async function sumOf(services: readonly TestService[]): Promise<Memory> {
  const sum = { residentBytes: 0, heapBytes: 0 }
  for (const service of services) {
    const gauge = await openGauge(service)
    const { residentBytes, heapBytes } = await gauge.read()
    gauge.close()
    sum.residentBytes += residentBytes
    sum.heapBytes += heapBytes
  }
  return sum
}
