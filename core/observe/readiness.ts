import type { Database } from '../store/database.ts'

/** Whether requests should come here. Undefined = ready; else what it waits for, in words for an operator. */
export type Readiness = {
  reason(): Promise<string | undefined>
  /** Not ready from now on: it is about to stop. */
  drain(): void
}

const PING_TIMEOUT_MS = 1_000
/** Gateways, balancers and operators ask often, each of them. */
const REMEMBER_MS = 500

export function createReadiness(db: Database, clock: () => number): Readiness {
  let draining = false
  let askedAtMs = -Infinity
  let asked: Promise<string | undefined> | undefined
  return {
    async reason() {
      if (draining) return 'draining'
      if (asked === undefined || clock() - askedAtMs > REMEMBER_MS) {
        askedAtMs = clock()
        asked = ping(db)
      }
      return asked
    },
    drain() {
      draining = true
    },
  }
}

async function ping(db: Database): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, PING_TIMEOUT_MS, 'the database does not answer')
  })
  const pinged = db.query('ping', 'SELECT 1').then(
    () => undefined,
    () => 'the database cannot be reached',
  )
  const reason = await Promise.race([pinged, late])
  clearTimeout(timer)
  return reason
}
