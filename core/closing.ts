import type { Logger } from './observe/log.ts'

/** What was opened, to be closed in the reverse order; each step has its time and none stops the next. */
export type Closing = {
  add(name: string, close: () => Promise<void> | void): void
  run(): Promise<void>
}

export function createClosing(log: Logger, stepLimitMs = 10_000): Closing {
  const steps: { name: string; close: () => Promise<void> | void }[] = []
  let running: Promise<void> | undefined

  async function closeAll(): Promise<void> {
    for (const { name, close } of steps.reverse()) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(resolve, stepLimitMs, 'late')
      })
      try {
        const outcome = await Promise.race([close(), late])
        if (outcome === 'late') log.warn({ event: 'closing-late', part: name }, 'goes on without waiting')
      } catch (err) {
        log.error({ event: 'closing-failed', part: name, err }, 'could not be closed properly')
      }
      clearTimeout(timer)
    }
  }

  return {
    add: (name, close) => steps.push({ name, close }),
    run() {
      running ??= closeAll()
      return running
    },
  }
}
