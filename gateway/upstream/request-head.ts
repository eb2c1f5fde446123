import { GatewayError } from '../errors.ts'
import { copied, type FieldLine } from '../headers/field-lines.ts'

/** How the body of a request is framed towards the core. `absent` and length 0 differ: POST states its 0. */
export type RequestFraming = { kind: 'absent' } | { kind: 'fixed'; length: number } | { kind: 'chunked' }

export type RequestLine = {
  method: string
  /** Origin form, as it goes into the request line. */
  target: string
  host: string
  /** End-to-end fields, the identity among them. */
  fields: readonly FieldLine[]
}

const STATES_ZERO = new Set(['POST', 'PUT', 'PATCH'])
const BEGINNING = /^[A-Z]{1,16} [\x21-\x7e\x80-\xff]+$/
const HOST = /^[\x21-\x7e]+$/

/** A request's head as it is written. @throws GatewayError INTERNAL where a part would break out of its line */
export function requestHead({ method, target, host, fields }: RequestLine, framing: RequestFraming): string {
  const beginning = `${method} ${target}`
  if (!BEGINNING.test(beginning)) throw unwritable('a request line')
  let text = beginning + restOfLine(host)
  for (const field of fields) if (!field.name.isRebuilt) text += field.text
  return `${text}${framingField(method, framing)}\r\n`
}

const lastHost = { host: '', text: '' }

/** Nearly all requests are for the same. */
function restOfLine(host: string): string {
  if (host !== lastHost.host) {
    if (!HOST.test(host)) throw unwritable('a host')
    lastHost.text = copied(` HTTP/1.1\r\nHost: ${host}\r\n`)
    lastHost.host = copied(host)
  }
  return lastHost.text
}

const unwritable = (what: string): GatewayError =>
  new GatewayError('INTERNAL', { cause: new Error(`${what} cannot be written`) })

function framingField(method: string, framing: RequestFraming): string {
  switch (framing.kind) {
    case 'fixed':
      return `Content-Length: ${framing.length}\r\n`
    case 'chunked':
      return 'Transfer-Encoding: chunked\r\n'
    case 'absent':
      return STATES_ZERO.has(method) ? 'Content-Length: 0\r\n' : ''
  }
}

const ABSENT: RequestFraming = { kind: 'absent' }
const CHUNKED: RequestFraming = { kind: 'chunked' }

/** Of the fields by which a client framed its body. */
export function framingOf(fields: {
  contentLength: string | undefined
  transferEncoding: string | undefined
}): RequestFraming {
  if (fields.transferEncoding !== undefined) return CHUNKED
  return framingOfLength(fields.contentLength === undefined ? 0 : Number(fields.contentLength))
}

export const framingOfLength = (length: number): RequestFraming =>
  length === 0 ? ABSENT : { kind: 'fixed', length }
