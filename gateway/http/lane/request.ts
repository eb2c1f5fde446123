import type { ClientRequest } from '../../upstream/client-exchange.ts'
import { createFieldNames, type FieldNames } from '../../upstream/field-names.ts'

/** `foreign`: changes what a message is, or who reads it; such a request is not the lane's. */
type Role = 'plain' | 'host' | 'origin' | 'content-length' | 'connection' | 'foreign'
export type LaneFieldNames = FieldNames<Role>

const ROLES = new Map<string, Role>([
  ['host', 'host'],
  ['origin', 'origin'],
  ['content-length', 'content-length'],
  ['connection', 'connection'],
  ['proxy-connection', 'foreign'],
  ['transfer-encoding', 'foreign'],
  ['expect', 'foreign'],
  ['upgrade', 'foreign'],
  ['te', 'foreign'],
  ['trailer', 'foreign'],
  ['http2-settings', 'foreign'],
])

export const createLaneFieldNames = (): LaneFieldNames =>
  createFieldNames((lower) => ROLES.get(lower) ?? 'plain')

export const MAX_HEAD_BYTES = 8_192
/** What the forwarder writes together with its head. */
export const MAX_BODY_BYTES = 16_384

/**
 * The whole grammar: far less than HTTP allows, and nothing of it that two servers have ever read in two ways. One
 * blank after a name's colon, values of visible ASCII, no escapes in the path (which could spell another path). It
 * matches, or fails, in time proportional to the text: each part ends where the next one's characters begin.
 */
const HEAD =
  /^(GET|POST|PUT|PATCH|DELETE) (\/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*)(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)? HTTP\/1\.1\r\n((?:[A-Za-z0-9_-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n/
const LENGTH = /^[1-9]\d{0,4}$/
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** The connection that a request came on. */
export type LanePeer = ClientRequest['socket']

/** A request that has wholly arrived. */
export class LaneRequest implements ClientRequest {
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  readonly complete = true
  readonly readableFlowing = null
  readonly method: string
  readonly url: string
  readonly path: string
  readonly headers: ClientRequest['headers']
  readonly rawHeaders: string[]
  readonly socket: LanePeer
  readonly body: Buffer | undefined
  readonly keepsConnection: boolean

  constructor(
    line: { method: string; url: string; path: string },
    fields: {
      headers: ClientRequest['headers']
      rawHeaders: string[]
      keepsConnection: boolean
    },
    body: Buffer | undefined,
    socket: LanePeer,
  ) {
    this.method = line.method
    this.url = line.url
    this.path = line.path
    this.headers = fields.headers
    this.rawHeaders = fields.rawHeaders
    this.keepsConnection = fields.keepsConnection
    this.body = body
    this.socket = socket
  }

  // There is nothing to wait for: the body has been read.
  on(): this {
    return this
  }
  once(): this {
    return this
  }
  off(): this {
    return this
  }
  removeAllListeners(): this {
    return this
  }
  pause(): this {
    return this
  }
  resume(): this {
    return this
  }
}

/**
 * Reads one whole request that is all there is in `bytes`; undefined for anything else, which is then for `node:http`
 * to read from its first byte. Whatever this takes, `node:http` reads as the same request (test/fuzz/targets/lane.ts).
 */
export function parseLaneRequest(
  bytes: Buffer,
  names: LaneFieldNames,
  socket: LanePeer,
): LaneRequest | undefined {
  const head = HEAD.exec(bytes.toString('latin1', 0, Math.min(bytes.length, MAX_HEAD_BYTES)))
  if (head === null) return undefined
  const [text, method = '', path = '', query = '', lines = ''] = head
  const rawHeaders: string[] = []
  let host: string | undefined
  let origin: string | undefined
  let length: string | undefined
  let connection: string | undefined
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r', colon)
    const name = names.get(lines.slice(at, colon))
    const value = lines.slice(colon + 2, end)
    at = end + 2
    switch (name?.role) {
      case 'plain':
        break
      case 'host':
        if (host !== undefined) return undefined
        host = value
        break
      case 'origin':
        if (origin !== undefined) return undefined
        origin = value
        break
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) return undefined
        length = value
        break
      case 'connection':
        if (connection !== undefined) return undefined
        connection = value.toLowerCase()
        break
      default:
        return undefined
    }
    rawHeaders.push(name.raw, value)
  }
  if (host === undefined) return undefined
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') return undefined
  if (length !== undefined && (!WITH_BODY.has(method) || Number(length) > MAX_BODY_BYTES)) return undefined
  if (bytes.length !== text.length + Number(length ?? 0)) return undefined
  return new LaneRequest(
    { method, path, url: path + query },
    {
      headers: { host, origin, 'content-length': length },
      rawHeaders,
      keepsConnection: connection !== 'close',
    },
    length === undefined ? undefined : bytes.subarray(text.length),
    socket,
  )
}
