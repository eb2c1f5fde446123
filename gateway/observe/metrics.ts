import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { createDurations } from './durations.ts'

/**
 * Metrics with closed label sets. The hot path only adds to plain numbers and arrays; they are copied into the
 * registry when somebody scrapes.
 */
export type Metrics = {
  registry: Registry
  /**
   * A request answered: its status, and the seconds from its arrival to the end of its answer; undefined for a poll,
   * which waits on purpose.
   */
  answered(status: number, seconds: number | undefined): void
  /** A request or socket event refused or failed here, by error code. */
  refused(code: string): void
  /** Fields dropped that only the gateway may send. */
  forged(fields: number): void
  /** A connection closed before it was read, by reason. */
  dropped(reason: 'too-many' | 'too-many-of-address' | 'tls'): void
  reloaded(isAccepted: boolean): void
  /** Something worth counting in authentication: cache hits, lookups, feed states; a closed set of names. */
  counted(event: string): void
  gauge(name: string, help: string, read: () => number): void
  /** A gauge with one label; `read` gives the value of each. */
  gauges(name: string, help: string, label: string, read: () => Record<string, number>): void
}

type Tally = { count: number }

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const byStatus = new Map<number, Tally>()
  const refusals = new Map<string, Tally>()
  const events = new Map<string, Tally>()
  const forgeries = new Map<string, Tally>([['header', { count: 0 }]])
  const drops = new Map<string, Tally>()
  const reloads = new Map<string, Tally>()
  const add = <K>(counts: Map<K, Tally>, key: K, more = 1): void => {
    const tally = counts.get(key)
    if (tally === undefined) counts.set(key, { count: more })
    else tally.count += more
  }

  tallied('http_requests_total', 'Requests answered, by status.', 'status', byStatus)
  tallied(
    'gateway_refusals_total',
    'Requests and socket events refused or failed here, by error code.',
    'code',
    refusals,
  )
  tallied('gateway_authentication_events_total', 'Steps of authentication, by kind.', 'event', events)
  tallied(
    'gateway_forged_fields_total',
    'Fields dropped that only the gateway may send.',
    'carrier',
    forgeries,
  )
  tallied('gateway_connections_dropped_total', 'Connections closed unread, by reason.', 'reason', drops)
  tallied('gateway_config_reloads_total', 'Attempts to reload the configuration.', 'result', reloads)
  const reloadState = new Gauge({
    name: 'gateway_config_last_reload_successful',
    help: 'Whether the last attempt to reload was accepted.',
    registers: [registry],
  })
  reloadState.set(1)
  const durations = createDurations(registry, {
    name: 'http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer.',
    bucketsS: BUCKETS_S,
  })

  function tallied<K extends string | number>(
    name: string,
    help: string,
    label: string,
    counts: Map<K, Tally>,
  ) {
    return new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset()
        for (const [key, { count }] of counts) this.inc({ [label]: String(key) }, count)
      },
    })
  }

  return {
    registry,
    answered(status, seconds) {
      add(byStatus, status)
      if (seconds !== undefined) durations.observe(seconds)
    },
    refused: (code) => add(refusals, code),
    forged: (fields) => add(forgeries, 'header', fields),
    dropped: (reason) => add(drops, reason),
    reloaded(isAccepted) {
      add(reloads, isAccepted ? 'accepted' : 'refused')
      reloadState.set(isAccepted ? 1 : 0)
    },
    counted: (event) => add(events, event),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    },
    gauges(name, help, label, read) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        collect() {
          // What is no longer there must not stay as it was last seen.
          this.reset()
          for (const [key, value] of Object.entries(read())) this.set({ [label]: key }, value)
        },
      })
    },
  }
}
