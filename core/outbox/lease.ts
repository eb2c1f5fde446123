export type Lease = {
  /** Aborted once the claim is lost, or may be. */
  signal: AbortSignal
  /** Resolves when no renewal is under way any more. */
  release(): Promise<void>
}

/**
 * Holds a claim that was just made, for as long as the work takes: renews it at a third of its length. A holder that
 * cannot renew it (the database is out of reach, the process stood still) gives up before the claim runs out.
 * @param renew false: somebody else has it
 */
export function holdLease(renew: () => Promise<boolean>, lengthMs: number): Lease {
  const lost = new AbortController()
  let renewing: Promise<void> | undefined
  let ends = setTimeout(() => lost.abort(), lengthMs).unref()

  async function extend(): Promise<void> {
    // As of the question: the database counts from when it reads it, which is later.
    const askedAtMs = performance.now()
    const isOurs = await renew().catch(() => undefined)
    if (isOurs === false) lost.abort()
    if (isOurs !== true || lost.signal.aborted) return
    clearTimeout(ends)
    ends = setTimeout(() => lost.abort(), lengthMs - (performance.now() - askedAtMs)).unref()
  }

  const timer = setInterval(() => {
    renewing ??= extend().finally(() => {
      renewing = undefined
    })
  }, lengthMs / 3).unref()

  return {
    signal: lost.signal,
    async release() {
      clearInterval(timer)
      await renewing
      clearTimeout(ends)
    },
  }
}
