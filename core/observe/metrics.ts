import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Metrics with closed label sets, in a registry of their own: a process may hold several cores. */
export type Metrics = {
  registry: Registry
  /** A request answered: its status, and the seconds from its arrival to the end of its answer. */
  answered(status: number, seconds: number): void
  introspected(kind: string, active: boolean): void
  gauge(name: string, help: string, read: () => number): void
  /** What somebody else counts. */
  counter(name: string, help: string, read: () => number): void
}

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered, by status.',
    labelNames: ['status'],
    registers,
  })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer.',
    buckets: BUCKETS_S,
    registers,
  })
  const introspections = new Counter({
    name: 'core_introspections_total',
    help: 'Credentials looked up for gateways, by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  return {
    registry,
    answered(status, seconds) {
      requests.inc({ status })
      durations.observe(seconds)
    },
    introspected: (kind, active) => introspections.inc({ kind, outcome: active ? 'active' : 'inactive' }),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    },
    counter(name, help, read) {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
  }
}
