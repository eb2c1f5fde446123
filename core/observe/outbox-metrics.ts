import { Counter, Gauge, type Registry } from 'prom-client'
import { type Backlog, findBacklog } from '../store/backlog.ts'
import type { Database } from '../store/database.ts'

const KINDS = ['webhook', 'push', 'badge'] as const
const OUTCOMES = ['delivered', 'failed', 'gone', 'refused', 'dead'] as const

/**
 * What came of telling somebody outside. `failed`: it will be tried again; `dead`: it will not; `gone`: there is no
 * such device any more; `refused`: the service will not have it.
 */
export type ObserveDelivery = (kind: (typeof KINDS)[number], outcome: (typeof OUTCOMES)[number]) => void

/** A database that is away must not take the other figures with it. */
const PATIENCE_MS = 1_000
/** The gauges of one scrape are read together. */
const REMEMBER_MS = 500

/** The figures of what follows commits. The gauges are the deployment's: every core says the same. */
export function createOutboxMetrics(registry: Registry, db: Database): ObserveDelivery {
  const registers = [registry]
  const deliveries = new Counter({
    name: 'core_deliveries_total',
    help: 'Attempts to tell webhooks, push services and the badge service, by outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  for (const kind of KINDS) for (const outcome of OUTCOMES) deliveries.inc({ kind, outcome }, 0)

  let read: { backlog: Promise<Backlog[]>; atMs: number } | undefined
  function backlog(): Promise<Backlog[]> {
    const nowMs = performance.now()
    if (read === undefined || nowMs - read.atMs > REMEMBER_MS)
      read = { backlog: within(findBacklog(db)), atMs: nowMs }
    return read.backlog
  }

  function gauge(name: string, help: string, valueIn: (backlog: Backlog) => number): void {
    new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers,
      async collect() {
        this.reset()
        for (const one of await backlog()) this.set({ kind: one.kind }, valueIn(one))
      },
    })
  }
  gauge('core_outbox_waiting', 'What waits to follow commits, up to 10 000.', ({ waiting }) => waiting)
  gauge('core_outbox_oldest_seconds', 'Since the oldest of it was committed.', ({ oldestS }) => oldestS ?? 0)
  gauge('core_outbox_dead', 'What was given up, up to 10 000.', ({ dead }) => dead)

  return (kind, outcome) => deliveries.inc({ kind, outcome })
}

/** Nothing where it cannot be had: a gap in the figures, and not a wrong one. */
async function within(asked: Promise<Backlog[]>): Promise<Backlog[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Backlog[]>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, [])
  })
  try {
    return await Promise.race([asked.catch(() => []), late])
  } finally {
    clearTimeout(timer)
  }
}
