export type RealtimeLimits = {
  pingIntervalMs: number
  pingTimeoutMs: number
  maxPayloadBytes: number
  /** How long a connection may stay without an identity. */
  anonymousMs: number
  /** How often expiry and that limit are looked at. */
  sweepIntervalMs: number
  /** What may wait for a reader that doesn't read. */
  maxUnsentBytes: number
  /** How often sockets that asked are told where their rooms are; every second one a little later. */
  positionCheckMs: number
  eventBurst: number
  eventsPerSecond: number
  broadcastChunk: number
  /** How long a turn of the event loop may be for audiences larger than a chunk; it ends after the chunk at hand. */
  broadcastTurnMs: number
  /** Over how long `close` spreads the end of the connections. */
  closeSpreadMs: number
  /** At once, signed in or not; who comes then is refused. */
  maxConnections: number
}

export const DEFAULT_LIMITS: RealtimeLimits = {
  // Old clients count as offline those who do not ping every 6 s (contract: realtime §1.6).
  pingIntervalMs: 5_000,
  pingTimeoutMs: 20_000,
  maxPayloadBytes: 1_000_000,
  anonymousMs: 600_000,
  sweepIntervalMs: 1_000,
  maxUnsentBytes: 4_000_000,
  positionCheckMs: 25_000,
  eventBurst: 200,
  eventsPerSecond: 50,
  broadcastChunk: 100,
  broadcastTurnMs: 5,
  closeSpreadMs: 1_000,
  maxConnections: Number.POSITIVE_INFINITY,
}
