import type { ClientRequest, ClientResponse } from '../upstream/client-exchange.ts'

/** A request under way and its answer. */
export type Exchange = {
  readonly req: ClientRequest
  readonly res: ClientResponse
  readonly startedMs: number
  /** From where its speed is measured. */
  sinceMs: number
  bytes: number
}

/** Requests under way: how slowly their bodies come, and whether their connections may be kept. */
export type Exchanges = {
  begin(req: ClientRequest, res: ClientResponse): Exchange
  end(exchange: Exchange): void
  /** Answers that have not begun say `Connection: close`, and so will all that follow. */
  drain(): void
  /** Looks for bodies that come too slowly; called by itself every second. */
  sweep(): void
  close(): void
}

export type ExchangesParts = {
  clock: () => number
  /** How long a body may come as slowly as it likes, from its beginning or from when it was last held up by us. */
  graceMs: number
  /** Called once for an exchange, which is then over. */
  onTooSlow(exchange: Exchange): void
}

/** What a body must bring on average; the slowest of modems did better. */
const MIN_BYTES_PER_S = 240
/** For a whole request, however it comes: the web UI allows 300 s for an upload. */
export const MAX_REQUEST_MS = 310_000
const SWEEP_INTERVAL_MS = 1_000

export function createExchanges({ clock, graceMs, onTooSlow }: ExchangesParts): Exchanges {
  const open = new Set<Exchange>()
  let isDraining = false

  function isTooSlow(exchange: Exchange, nowMs: number): boolean {
    const { req, startedMs } = exchange
    if (req.complete) return false
    if (nowMs - startedMs > MAX_REQUEST_MS) return true
    const bytes = req.socket.bytesRead
    // Nobody reads at the moment: it is not the client who is slow.
    if (req.readableFlowing !== true) {
      exchange.sinceMs = nowMs
      exchange.bytes = bytes
      return false
    }
    const lateMs = nowMs - exchange.sinceMs - graceMs
    return lateMs > 0 && bytes - exchange.bytes < (lateMs / 1_000) * MIN_BYTES_PER_S
  }

  function sweep(): void {
    const nowMs = clock()
    for (const exchange of open)
      if (isTooSlow(exchange, nowMs)) {
        open.delete(exchange)
        onTooSlow(exchange)
      }
  }

  const timer = setInterval(sweep, SWEEP_INTERVAL_MS).unref()

  return {
    begin(req, res) {
      if (isDraining) res.shouldKeepAlive = false
      const startedMs = clock()
      const exchange = { req, res, startedMs, sinceMs: startedMs, bytes: req.socket.bytesRead }
      open.add(exchange)
      return exchange
    },
    end(exchange) {
      open.delete(exchange)
    },
    drain() {
      isDraining = true
      for (const { res } of open) if (!res.headersSent) res.shouldKeepAlive = false
    },
    sweep,
    close() {
      clearInterval(timer)
    },
  }
}
