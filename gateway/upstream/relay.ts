import type { ClientRequest, ClientResponse } from './client-exchange.ts'
import { type AddedFields, relayedFields } from './response-fields.ts'
import type { ResponseHead } from './response-head.ts'
import type { WholeBody } from './response-parser.ts'

const LINGER_MS = 1_000
/** A client writes much before it reads; the time is the bound that counts. */
const MAX_LINGER_BYTES = 67_108_864

/** Hands on the head of a core's answer, with our own framing; it leaves with the first bytes of the body. */
export function relayHead(res: ClientResponse, head: ResponseHead, added: AddedFields): void {
  if (res.writeLines !== undefined) {
    res.writeLines(head, added)
    return
  }
  const { requestId } = added
  const fields = relayedFields(head, added.responseFields)
  if (requestId !== undefined) fields.push('X-Request-ID', requestId)
  const length = relayedLength(head)
  if (length !== undefined) fields.push('Content-Length', `${length}`)
  res.writeHead(head.status, head.reason, fields)
}

/** Undefined where the answer's end is to be found otherwise. */
export const relayedLength = ({ status, contentLength }: ResponseHead): number | undefined =>
  status === 204 ? undefined : contentLength

export function endWith(res: ClientResponse, body: WholeBody): void {
  if (typeof body === 'string') res.end(body, 'latin1')
  else res.end(Buffer.from(body))
}

/** As bytes that may be kept. */
export const bytesOf = (body: WholeBody): Buffer =>
  typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body)

/**
 * Ends an answer that is complete while its request still arrives. Closing on unread bytes makes the kernel
 * reset the connection, and the client would lose the answer; so a little more is read, and thrown away.
 */
export function endAfterLingering(req: ClientRequest, res: ClientResponse): void {
  let bytes = 0
  const end = (): void => {
    clearTimeout(timer)
    req.off('data', discard)
    if (!res.writableEnded) res.end()
  }
  const discard = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > MAX_LINGER_BYTES) end()
  }
  const timer = setTimeout(end, LINGER_MS).unref()
  req.on('data', discard)
  req.once('end', end)
  res.once('close', end)
  res.flushHeaders()
  req.resume()
}
