import { GatewayError } from '../errors.ts'
import { createFieldNames, type FieldNames } from './field-names.ts'

/** How the body of a request is framed towards the core. `absent` and length 0 differ: POST states its 0. */
export type RequestFraming = { kind: 'absent' } | { kind: 'fixed'; length: number } | { kind: 'chunked' }

export type RequestLine = {
  method: string
  /** Origin form, as it goes into the request line. */
  target: string
  host: string
  /** End-to-end fields, flat name, value, …, the identity among them; no Host, no framing. */
  headers: readonly string[]
}

/** `ours`: written here, or between two neighbours only; never taken from a list of fields. */
type RequestRole = 'end-to-end' | 'ours'

const OURS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'transfer-encoding',
])

const STATES_ZERO = new Set(['POST', 'PUT', 'PATCH'])
const METHOD = /^[A-Z]{1,16}$/
const TARGET = /^[\x21-\x7e\x80-\xff]+$/
const HOST = /^[\x21-\x7e]+$/
/** Beyond latin-1 as well: written as one byte, U+010A would become a line feed. */
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

export type RequestHeads = {
  /** The head as it is written. @throws GatewayError INTERNAL where a part would break out of its line. */
  write(line: RequestLine, framing: RequestFraming): string
}

export function createRequestHeads(): RequestHeads {
  const names: FieldNames<RequestRole> = createFieldNames((lower) =>
    OURS.has(lower) ? 'ours' : 'end-to-end',
  )
  return {
    write({ method, target, host, headers }, framing) {
      if (!METHOD.test(method) || !TARGET.test(target) || !HOST.test(host)) throw unwritable('request line')
      let text = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`
      for (let i = 0; i < headers.length; i += 2) {
        const raw = headers[i] as string
        const value = headers[i + 1] as string
        const name = names.get(raw)
        if (name === undefined || FORBIDDEN_IN_VALUE.test(value)) throw unwritable('field')
        if (name.role === 'end-to-end') text += `${raw}: ${value}\r\n`
      }
      return `${text}${framingField(method, framing)}\r\n`
    },
  }
}

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

const unwritable = (what: string): GatewayError =>
  new GatewayError('INTERNAL', { cause: new Error(`the ${what} of a request cannot be written`) })

/** What Node's parser found: at most one Content-Length, and a body that ends. `undefined`: not ours to pass on. */
export function framingOfRequest(rawHeaders: readonly string[]): RequestFraming | undefined {
  let framing: RequestFraming = { kind: 'absent' }
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (!/^\d{1,15}$/.test(value) || framing.kind !== 'absent') return undefined
      framing = { kind: 'fixed', length: Number(value) }
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (value.toLowerCase() !== 'chunked' || framing.kind !== 'absent') return undefined
      framing = { kind: 'chunked' }
    }
  }
  return framing.kind === 'fixed' && framing.length === 0 ? { kind: 'absent' } : framing
}
