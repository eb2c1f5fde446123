import type { Logger } from '../observe/log.ts'
import { createLoop, type Loop, type LoopTiming } from './loop.ts'

type Parts<Job> = {
  name: string
  /** How many jobs are in hand at once. */
  limit: number
  claim: (limit: number) => Promise<Job[]>
  /** Aborted when the pool closes. What it throws is logged; its claim then runs out, and the job is taken again. */
  work: (job: Job, signal: AbortSignal) => Promise<void>
  log: Logger
  timing?: Partial<LoopTiming> | undefined
}

/** Claims jobs from the database and works on several at once; one that is slow holds up none of the others. */
export function createPool<Job>({ name, limit, claim, work, log, timing }: Parts<Job>): Loop {
  const active = new Set<Promise<void>>()
  const ending = new AbortController()

  const loop = createLoop({
    name,
    log,
    timing,
    async step() {
      const free = limit - active.size
      if (free === 0) return false
      const jobs = await claim(free)
      for (const job of jobs) begin(job)
      return false
    },
  })

  function begin(job: Job): void {
    const done = work(job, ending.signal)
      .catch((err: unknown) => {
        if (!ending.signal.aborted)
          log.error({ event: `${name}-job-failed`, err }, 'a job will be tried again')
      })
      .finally(() => {
        active.delete(done)
        loop.nudge()
      })
    active.add(done)
  }

  return {
    nudge: loop.nudge,
    async close() {
      await loop.close()
      ending.abort()
      await Promise.all(active)
    },
  }
}
