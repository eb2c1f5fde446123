import type { Logger } from '../observe/log.ts'

export type Loop = {
  /** Look now: something was just committed. */
  nudge(): void
  /** After the step that is under way. */
  close(): Promise<void>
}

export type LoopTiming = { pollMs: number; retryMs: number; minGapMs: number }

export const LOOP_TIMING: LoopTiming = { pollMs: 75, retryMs: 500, minGapMs: 10 }

type Parts = {
  name: string
  /** @returns whether there is more to do at once. */
  step: () => Promise<boolean>
  log: Logger
  timing?: Partial<LoopTiming> | undefined
}

/** Takes one step after the other: at once while there is more, else when nudged, and every `pollMs`. */
export function createLoop({ name, step, log, ...parts }: Parts): Loop {
  const timing = { ...LOOP_TIMING, ...parts.timing }
  let timer: NodeJS.Timeout | undefined
  let stepping: Promise<void> | undefined
  let nudged = false
  let failed = false
  let closed = false

  function wait(ms: number): void {
    clearTimeout(timer)
    if (!closed) timer = setTimeout(begin, ms).unref()
  }

  function begin(): void {
    nudged = false
    stepping = take().finally(() => {
      stepping = undefined
    })
  }

  async function take(): Promise<void> {
    try {
      const more = await step()
      if (failed) log.info({ event: `${name}-resumed` }, 'goes on')
      failed = false
      // Several at a time are taken in one step; without the gap each would get a step of its own.
      wait(more || nudged ? timing.minGapMs : timing.pollMs)
    } catch (err) {
      if (!failed) log.error({ event: `${name}-failed`, err }, 'cannot go on at the moment')
      failed = true
      wait(timing.retryMs)
    }
  }

  wait(0)
  return {
    nudge() {
      if (stepping === undefined && !nudged && !failed) wait(timing.minGapMs)
      nudged = true
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await stepping
    },
  }
}
