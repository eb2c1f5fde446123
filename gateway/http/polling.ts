import type { IncomingMessage } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import { nodeIdOf, readPollingQuery } from '../tunnel/polling-query.ts'
import type { Tunnels } from '../tunnel/upgrade.ts'
import type { AdmittedRequest, Forwarded } from './admitted.ts'

export const SOCKET_PATH = '/socket.io/'

/** Whether a path is Socket.IO's; its requests and upgrades may be anonymous. */
export const isSocketPath = (path: string): boolean => path === SOCKET_PATH || `${path}/` === SOCKET_PATH

export type Polling = {
  forward(admitted: AdmittedRequest, fail: (code: ErrorCode, cause?: unknown) => void): void
}

export type PollingParts = {
  forward: Forwarded
  tunnels: Pick<Tunnels, 'exchangePollingBody' | 'sessions'>
  maxBodyBytes: number
}

/**
 * Long-polling: a request goes to the core that its session lives on, and the packets of a body pass the same
 * exchange as a tunnel's frames.
 */
export function createPolling({ forward, tunnels, maxBodyBytes }: PollingParts): Polling {
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
function readBody(req: IncomingMessage, maxBytes: number, done: (body: Buffer | 'too-large') => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBytes) {
      chunks.push(chunk)
      return
    }
    req.removeAllListeners('data').removeAllListeners('end')
    req.resume()
    done('too-large')
  })
  req.on('end', () => done(Buffer.concat(chunks)))
}
