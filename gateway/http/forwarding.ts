import type { Forward } from '../upstream/forward.ts'
import { framingOf } from '../upstream/request-head.ts'
import type { Forwarded } from './admitted.ts'

export type ForwardingParts = {
  forward: Forward
  /** Resolves once this gateway has followed the credential feed to a position, or after a bounded wait. */
  reached(position: number): Promise<unknown>
}

export function createForwarding({ forward, reached }: ForwardingParts): Forwarded {
  const holdFor = (position: number): Promise<void> => reached(position).then(() => undefined)
  return ({ req, res, arrival, fields, responseFields, requestId, onDone }, fail, options) => {
    forward(
      req,
      res,
      {
        method: arrival.method,
        target: arrival.path + arrival.query,
        host: arrival.host,
        fields,
        framing: framingOf(arrival.headers),
        nodeId: options?.nodeId,
        body: options?.body?.toString('latin1') ?? req.body,
      },
      {
        responseFields,
        requestId,
        holdFor,
        fail,
        onDone: onDone ?? ignore,
      },
    )
  }
}

/** Answers are counted where they end (http/public-server.ts), failures where they are answered. */
function ignore(): void {}
