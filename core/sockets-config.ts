/** What a deployment says of its sockets, in the original's names. */
export type SocketsConfig = {
  /** Of each core. */
  limits: { pingIntervalMs: number; maxConnections?: number }
  /** Whether the others in a room are told how far somebody has read. */
  tellsReads: boolean
}

/** What shipped clients are used to. */
const PING_INTERVAL_MS = 5_000

type Optional = <T>(name: string, parse: (text: string) => T) => T | undefined

export function parseSockets(optional: Optional, parseFlag: (text: string) => boolean): SocketsConfig {
  const pingIntervalMs =
    optional('SOCKET_PING_INTERVAL', (text) => parseWhole(text, 1_000, 300_000)) ?? PING_INTERVAL_MS
  const maxConnections = optional('SOCKET_CONNECTION_LIMIT', (text) => parseWhole(text, 1, 10_000_000))
  return {
    limits: {
      pingIntervalMs,
      ...(maxConnections !== undefined && { maxConnections }),
    },
    tellsReads: optional('DISABLE_LAST_READ', parseFlag) !== true,
  }
}

function parseWhole(text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new Error(`is not a whole number from ${least} to ${most}`)
}
