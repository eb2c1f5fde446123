import { LineMemory } from '../../headers/field-lines.ts'
import { HeaderSection, type RequestLine, requestLines } from '../../headers/normalise.ts'
import type { ClientRequest } from '../../upstream/client-exchange.ts'

/** Fields that change what a message is, or who reads it; a request that has one is not the lane's. */
const FOREIGN = new Set(['proxy-connection', 'expect', 'upgrade', 'te', 'trailer', 'http2-settings'])

export const MAX_HEAD_BYTES = 8_192
/** What the forwarder writes together with its head. */
export const MAX_BODY_BYTES = 16_384

/**
 * The whole grammar: far less than HTTP allows, and nothing of it that two servers have ever read in two ways. One
 * blank after a name's colon, values of visible ASCII, no escapes in the path (which could spell another path). It
 * matches, or fails, in time proportional to the text: each part ends where the next one's characters begin.
 */
const HEAD =
  /^(?:GET|POST|PUT|PATCH|DELETE) (\/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*)(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)? HTTP\/1\.1\r\n((?:[A-Za-z0-9_-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n/
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
  readonly section: HeaderSection
  readonly socket: LanePeer
  readonly body: string | undefined
  readonly keepsConnection: boolean

  constructor(
    line: { method: string; path: string; query: string },
    section: HeaderSection,
    rest: { body: string | undefined; keepsConnection: boolean; socket: LanePeer },
  ) {
    this.method = line.method
    this.path = line.path
    this.url = line.path + line.query
    this.section = section
    this.body = rest.body
    this.keepsConnection = rest.keepsConnection
    this.socket = rest.socket
  }

  get headers(): ClientRequest['headers'] {
    const { host, origin, contentLength } = this.section
    return { host, origin, 'content-length': contentLength }
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
 * Reads one whole request that is all there is in `received` (latin-1: a character a byte); undefined for anything
 * else, which is then for `node:http` to read from its first byte, and for the other lane to refuse. Whatever this
 * takes, `node:http` reads as the same request (test/fuzz/targets/lane.ts).
 */
export function parseLaneRequest(
  received: string,
  socket: LanePeer,
  memory = new LineMemory(requestLines),
): LaneRequest | undefined {
  const head = HEAD.exec(received.length <= MAX_HEAD_BYTES ? received : received.slice(0, MAX_HEAD_BYTES))
  if (head === null) return undefined
  const [text, path = '', query = '', lines = ''] = head
  const method = methodOf(text)
  const section = new HeaderSection()
  let connection: string | undefined
  for (let at = 0, nth = 0; at < lines.length; nth++) {
    const end = lines.indexOf('\r', at)
    const line = memory.read(nth, lines, at, end)
    at = end + 2
    if (line === undefined || isForeign(line) || section.take(line) !== undefined) return undefined
    if (line.name.role !== 'connection') continue
    if (connection !== undefined) return undefined
    connection = line.value.toLowerCase()
  }
  if (section.end() !== undefined || section.host === undefined) return undefined
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') return undefined
  const length = bodyLength(method, section.contentLength)
  if (length === undefined || received.length !== text.length + length) return undefined
  const body = length === 0 ? undefined : received.slice(text.length)
  return new LaneRequest({ method, path, query }, section, {
    body,
    keepsConnection: connection !== 'close',
    socket,
  })
}

/** One that V8 knows: each one cut from what was received would have to be spelt out wherever it is looked up. */
function methodOf(head: string): string {
  switch (head[1]) {
    case 'O':
      return 'POST'
    case 'U':
      return 'PUT'
    case 'A':
      return 'PATCH'
    default:
      return head[0] === 'G' ? 'GET' : 'DELETE'
  }
}

function isForeign({ name: { role, lower } }: RequestLine): boolean {
  return role === 'transfer-encoding' || (role === 'drop' && FOREIGN.has(lower))
}

/** Undefined where it is not the lane's. */
function bodyLength(method: string, contentLength: string | undefined): number | undefined {
  if (contentLength === undefined) return 0
  const isLanes =
    LENGTH.test(contentLength) && WITH_BODY.has(method) && Number(contentLength) <= MAX_BODY_BYTES
  return isLanes ? Number(contentLength) : undefined
}
