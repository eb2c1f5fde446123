import type { LoadFigures } from '../load.ts'

export type Latencies = {
  add(ms: number): void
  figures(seconds: number, failures: number): LoadFigures
}

export function createLatencies(): Latencies {
  const all: number[] = []
  return {
    add: (ms) => all.push(ms),
    figures(seconds, failures) {
      const sorted = Float64Array.from(all).sort()
      const at = (share: number) =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
      return {
        requests: all.length,
        requestsPerSecond: all.length / seconds,
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        failures,
      }
    },
  }
}
