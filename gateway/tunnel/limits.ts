import type { ScannerLimits } from './frame-scanner.ts'

/** All times and limits of tunnels. */
export type TunnelLimits = ScannerLimits & {
  /** From the upgrade's arrival to the core's whole answer. */
  handshakeTimeoutMs: number
  /** What a client may send before it is answered; it waits for the verified 101. */
  maxEarlyBytes: number
  maxAnswerHeadBytes: number
  maxAnswerBodyBytes: number
  /** Without a byte in either direction. */
  idleMs: number
  /** The same once one side has ended. */
  halfClosedMs: number
  /** A side that has so much unread for so long is cut. */
  stalledBytes: number
  stalledMs: number
  /** Between a close of ours and the end of its connections. */
  closingMs: number
  lookupTimeoutMs: number
  /** Packets with credentials, in a row, that proved nothing; one more and the socket is closed. */
  maxRefusals: number
  anonymousMs: number
  anonymousPerAddress: number
  /** How often the registry looks at times: each is late by up to this. */
  sweepIntervalMs: number
}

export const TUNNEL_LIMITS: TunnelLimits = {
  maxMessageBytes: 1_048_576,
  maxHeldBytes: 16_384,
  handshakeTimeoutMs: 10_000,
  maxEarlyBytes: 16_384,
  maxAnswerHeadBytes: 16_384,
  maxAnswerBodyBytes: 65_536,
  idleMs: 120_000,
  halfClosedMs: 10_000,
  stalledBytes: 16_384,
  stalledMs: 30_000,
  closingMs: 1_000,
  lookupTimeoutMs: 5_000,
  maxRefusals: 30,
  anonymousMs: 600_000,
  anonymousPerAddress: 100,
  sweepIntervalMs: 1_000,
}
