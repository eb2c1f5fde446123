/** Keeps calls from a service that fails: after some failures in a row it is left alone, then tried with one call. */
export type Circuit = {
  /** @throws CircuitOpenError, without a call; else whatever the call throws. */
  run<T>(call: () => Promise<T>): Promise<T>
}

export type CircuitLimits = {
  /** Failures in a row that open it. */
  failures: number
  pauseMs: number
  maxPauseMs: number
  /** Calls at one time. */
  maxCalls: number
}

export const DEFAULT_CIRCUIT_LIMITS: CircuitLimits = {
  failures: 5,
  pauseMs: 1_000,
  maxPauseMs: 15_000,
  maxCalls: 64,
}

export class CircuitOpenError extends Error {
  constructor(reason: 'paused' | 'busy') {
    super(reason === 'paused' ? 'it has failed and is left alone' : 'too many calls at once')
    this.name = 'CircuitOpenError'
  }
}

export function createCircuit(clock: () => number, limits: CircuitLimits = DEFAULT_CIRCUIT_LIMITS): Circuit {
  let failures = 0
  let opened = 0
  let pausedUntilMs = 0
  let calls = 0
  let probing = false

  return {
    async run(call) {
      const isProbe = failures >= limits.failures
      if (isProbe && (probing || clock() < pausedUntilMs)) throw new CircuitOpenError('paused')
      if (calls >= limits.maxCalls) throw new CircuitOpenError('busy')
      calls += 1
      probing = isProbe
      try {
        const result = await call()
        failures = 0
        opened = 0
        return result
      } catch (error) {
        failures += 1
        // Calls that fail together open it once.
        if (failures >= limits.failures && clock() >= pausedUntilMs) {
          pausedUntilMs = clock() + Math.min(limits.maxPauseMs, limits.pauseMs * 2 ** Math.min(opened, 10))
          opened += 1
        }
        throw error
      } finally {
        calls -= 1
        if (isProbe) probing = false
      }
    },
  }
}
