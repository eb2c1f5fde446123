import type { RateLimits } from '../limits/rate-limits.ts'
import type { Need } from '../pipeline.ts'
import { nodeIdOf, readPollingQuery } from '../tunnel/polling-query.ts'
import type { Tunnels } from '../tunnel/upgrade.ts'
import type { ClientRequest } from '../upstream/client-exchange.ts'
import type { AdmittedRequest, Fail, Forwarded } from './admitted.ts'
import type { Arrival } from './arrival.ts'

export const SOCKET_PATH = '/socket.io/'

/** Whether a path is Socket.IO's; its requests and upgrades may be anonymous. */
export const isSocketPath = (path: string): boolean => path === SOCKET_PATH || `${path}/` === SOCKET_PATH

export type Polling = {
  forward(admitted: AdmittedRequest, fail: Fail): void
}

/** The first request of a session is the socket's arrival; the others are counted by their session, here. */
export const needOfPolling = (arrival: Arrival): Need =>
  /[?&]sid=/.test(arrival.query) ? 'session' : 'socket'

export type PollingParts = {
  forward: Forwarded
  limits: Pick<RateLimits, 'identified' | 'anonymous'>
  tunnels: Pick<Tunnels, 'exchangePollingBody' | 'sessions'>
  maxBodyBytes: number
}

/**
 * Long-polling: a request goes to the core that its session lives on, and the packets of a body pass the same
 * exchange as a tunnel's frames.
 */
export function createPolling({ forward, tunnels, limits, maxBodyBytes }: PollingParts): Polling {
  /** Whoever authenticated inside a session is nobody to each single request of it. */
  function waitS({ arrival, admission }: AdmittedRequest, sid: string): number {
    if (admission.identity.kind !== 'anonymous') return 0
    const bearer = tunnels.sessions.identityOf(sid)
    return bearer === undefined
      ? limits.anonymous(arrival.from.address)
      : limits.identified(bearer.kind, bearer.credentialId)
  }

  return {
    forward(admitted, fail) {
      const { req, arrival, admission } = admitted
      const query = readPollingQuery(arrival.query)
      if ('refused' in query) {
        fail(query.refused)
        return
      }
      const { sid } = query
      if (sid !== undefined && tunnels.sessions.isRevoked(sid)) {
        fail('INVALID_TOKEN')
        return
      }
      const retryAfterS = sid === undefined ? 0 : waitS(admitted, sid)
      if (retryAfterS > 0) {
        fail('RATE_LIMIT_EXCEEDED', undefined, retryAfterS)
        return
      }
      const nodeId = sid === undefined ? undefined : nodeIdOf(sid)
      if (arrival.method !== 'POST') {
        forward(admitted, fail, { nodeId })
        return
      }
      readBody(req, maxBodyBytes, (body) => {
        if (body === 'too-large') {
          fail('PAYLOAD_TOO_LARGE')
          return
        }
        const origin = { ...arrival.from, app: admission.identity.app, socket: true }
        tunnels.exchangePollingBody(body, arrival.query, origin).then(
          (exchanged) =>
            'refused' in exchanged
              ? fail(exchanged.refused)
              : forward(admitted, fail, { nodeId, body: exchanged }),
          (error) => fail('INTERNAL', error),
        )
      })
    },
  }
}

/** Calls back once, unless the client leaves first. */
function readBody(req: ClientRequest, maxBytes: number, done: (body: Buffer | 'too-large') => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBytes) {
      chunks.push(chunk)
      return
    }
    req.removeAllListeners('data')
    req.removeAllListeners('end')
    req.resume()
    done('too-large')
  })
  req.on('end', () => done(Buffer.concat(chunks)))
}
