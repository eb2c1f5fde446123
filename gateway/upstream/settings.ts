/** All times and limits of the way to the cores. */
export type UpstreamSettings = {
  /** Per address. */
  maxConnections: number
  /** Requests that wait for a connection, per address; one more is refused. A herd fits: each holds its head and 16 KB. */
  maxQueued: number
  queueTimeoutMs: number
  connectTimeoutMs: number
  /** From the request's last byte to the end of the response's head; longer than any long poll of the core. */
  headTimeoutMs: number
  /** Without a byte of body, either way. */
  bodyIdleTimeoutMs: number
  /** Where a core does not say for how long it keeps an idle connection: below what servers usually grant (Node: 5 s). */
  idleTimeoutMs: number
  /** Where it says so, at most. A burst that finds too few connections waits for new ones, the dearest part of it. */
  maxIdleTimeoutMs: number
  resolveIntervalMs: number
  /** How often deadlines are looked at: every timeout is late by up to this. */
  sweepIntervalMs: number
  /** Between checks of an address that is ejected, unready, unknown or suspicious. */
  checkIntervalMs: number
  /** Between checks of a healthy one. */
  calmCheckIntervalMs: number
  checkTimeoutMs: number
  /** Failures in a row. */
  failuresToEject: number
  /** The first ejection lasts at least this, each following one twice as long. */
  ejectionMs: number
  maxEjectionMs: number
}

export const UPSTREAM_DEFAULTS: UpstreamSettings = {
  maxConnections: 512,
  maxQueued: 8_192,
  queueTimeoutMs: 5_000,
  connectTimeoutMs: 2_000,
  headTimeoutMs: 30_000,
  bodyIdleTimeoutMs: 30_000,
  idleTimeoutMs: 4_000,
  maxIdleTimeoutMs: 60_000,
  resolveIntervalMs: 30_000,
  sweepIntervalMs: 200,
  checkIntervalMs: 2_000,
  calmCheckIntervalMs: 10_000,
  checkTimeoutMs: 2_000,
  failuresToEject: 3,
  ejectionMs: 1_000,
  maxEjectionMs: 30_000,
}
