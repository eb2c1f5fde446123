import type { UpstreamSettings } from './settings.ts'

/**
 * - `unknown`: never answered yet.
 * - `healthy`.
 * - `suspicious`: something failed lately; still used, and checked at once.
 * - `unready`: says of itself that it wants no more work (`/readyz` is 503); long-polling sessions stay with it.
 * - `ejected`: failed too often in a row; used only if there is no other.
 */
export type HealthState = 'unknown' | 'healthy' | 'suspicious' | 'unready' | 'ejected'

export type CheckResult = 'ready' | 'unready' | 'failed'

/** An ejection this long after the last one counts as the first again. */
const FORGIVEN_AFTER_MS = 60_000
/** In order of preference; states of one rank share the load. */
const RANKS: Record<HealthState, number> = { healthy: 0, suspicious: 0, unknown: 1, unready: 2, ejected: 3 }

/** What is known of one address: passive observation and active checks meet here. No I/O, no timers. */
export class UpstreamHealth {
  state: HealthState = 'unknown'
  /** When the next active check is due. */
  nextCheckAtMs = 0
  ejections = 0
  readonly #settings: UpstreamSettings
  readonly #clock: () => number
  #failures = 0
  #backoffs = 0
  #ejectedUntilMs = Number.NEGATIVE_INFINITY

  constructor(settings: UpstreamSettings, clock: () => number) {
    this.#settings = settings
    this.#clock = clock
  }

  get rank(): number {
    return RANKS[this.state]
  }

  /** A request was answered, whatever the answer. */
  answered(): void {
    this.#failures = 0
    if (this.state === 'unknown' || this.state === 'suspicious') this.#become('healthy')
  }

  /**
   * A request, a tunnel or a check failed.
   * @param isLast no other address could take over, so this one stays in use
   */
  failed(isLast: boolean): void {
    this.#failures++
    if (this.state === 'ejected') return
    if (this.#failures >= this.#settings.failuresToEject && !isLast) this.#eject()
    else if (this.state === 'healthy') {
      this.#become('suspicious')
      this.nextCheckAtMs = this.#clock()
    }
  }

  /** A request was not answered in time: a reason to look, not to eject. */
  doubted(): void {
    if (this.state !== 'healthy') return
    this.#become('suspicious')
    this.nextCheckAtMs = this.#clock()
  }

  checked(result: CheckResult, isLast: boolean): void {
    if (result === 'failed') this.failed(isLast)
    else {
      this.#failures = 0
      if (result === 'unready') this.#become('unready')
      else if (this.state !== 'ejected' || this.#clock() >= this.#ejectedUntilMs) this.#become('healthy')
    }
    this.nextCheckAtMs = this.#clock() + this.#intervalMs()
  }

  #eject(): void {
    const nowMs = this.#clock()
    this.#backoffs = nowMs - this.#ejectedUntilMs > FORGIVEN_AFTER_MS ? 0 : this.#backoffs + 1
    const { ejectionMs, maxEjectionMs } = this.#settings
    this.#ejectedUntilMs = nowMs + Math.min(maxEjectionMs, ejectionMs * 2 ** this.#backoffs)
    this.ejections++
    this.#become('ejected')
    this.nextCheckAtMs = nowMs + this.#intervalMs()
  }

  #become(state: HealthState): void {
    this.state = state
  }

  #intervalMs(): number {
    return this.state === 'healthy' ? this.#settings.calmCheckIntervalMs : this.#settings.checkIntervalMs
  }
}
