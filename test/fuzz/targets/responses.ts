import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { ResponseSyntaxError } from '../../../gateway/upstream/failure.ts'
import { relayedFields } from '../../../gateway/upstream/response-fields.ts'
import type { ResponseHead } from '../../../gateway/upstream/response-head.ts'
import { ResponseParser } from '../../../gateway/upstream/response-parser.ts'
import { fuzzTarget, must } from '../target.ts'

// Oracles: one reading for every way of cutting the bytes, and for bytes and text; a response built by the rules is read as it was built, with
// its end where it ends; and nothing that is relayed can hold a line end or one of our own names.

type Input = {
  fields: string[]
  body: string
  framing: 'length' | 'chunked' | 'both' | 'none'
  status: string
  junk: [number, string] | null
  after: string
  cuts: number[]
}
type Read = {
  head: ResponseHead | undefined
  body: string
  complete: boolean
  rest: number
  error: string | undefined
}

function read(pieces: readonly (Buffer | string)[]): Read {
  const seen: Read = { head: undefined, body: '', complete: false, rest: 0, error: undefined }
  const parser = new ResponseParser({
    onHead(head, body) {
      seen.head = head
      if (body === undefined) return
      seen.body = typeof body === 'string' ? body : body.toString('latin1')
      seen.complete = true
    },
    onBody(bytes) {
      seen.body += bytes.toString('latin1')
    },
    onEnd() {
      seen.complete = true
    },
  })
  parser.begin(false)
  try {
    for (const piece of pieces)
      seen.rest += piece.length - (parser.done ? 0 : parser.read(piece, piece.length))
  } catch (error) {
    if (!(error instanceof ResponseSyntaxError)) throw error
    // What came before an error depends on how much came at once; that it is one does not.
    return { head: undefined, body: '', complete: false, rest: 0, error: 'malformed' }
  }
  return seen
}

function slices(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

const chunked = (body: string): string => {
  const half = Math.ceil(body.length / 2)
  const chunks = [body.slice(0, half), body.slice(half)].filter((part) => part !== '')
  return `${chunks.map((part) => `${part.length.toString(16)};x=1\r\n${part}\r\n`).join('')}0\r\nX-T: 1\r\n\r\n`
}

function write({ fields, body, framing, status }: Input): string {
  const all = [...fields]
  if (framing === 'length' || framing === 'both') all.push(`Content-Length: ${body.length}`)
  if (framing === 'chunked' || framing === 'both') all.push('Transfer-Encoding: chunked')
  const tail = framing === 'chunked' || framing === 'both' ? chunked(body) : body
  return `HTTP/1.1 ${status} Fine\r\n${all.map((field) => `${field}\r\n`).join('')}\r\n${tail}`
}

const OURS =
  /^(im-identity|im-credential|im-node|access-control-|proxy-|connection$|keep-alive$|transfer-encoding$)/

export const responses = fuzzTarget<Input>({
  name: 'responses',
  inputs: fc.record({
    fields: fc.array(
      fc.constantFrom(
        'X-A: 1',
        'x-a:\t2 ',
        'Im_Identity: x',
        'IM-Node-Id: n1',
        'Access-Control-Allow-Origin: *',
        'Connection: x-a',
        'Connection: close',
        'Keep-Alive: timeout=5',
        'Set-Cookie: a=b',
        'ETag: \xe4',
        'X Bad: 1',
        'X-Fold: a\r\n b',
        'X-Lf: a\nX: b',
        'X-Nul: \0',
        'Content_Length: 3',
        ': x',
        'no colon',
      ),
      { maxLength: 4 },
    ),
    body: fc.string({ maxLength: 40 }).map((text) => Buffer.from(text).toString('latin1')),
    framing: fc.constantFrom(
      'length' as const,
      'length' as const,
      'chunked' as const,
      'chunked' as const,
      'none' as const,
      'both' as const,
    ),
    status: fc.constantFrom('200', '200', '401', '500', '204', '304', '100', '101', '99', '2000', '20x'),
    junk: fc.option(
      fc.tuple(
        fc.nat(400),
        fc.constantFrom('\r', '\n', '\r\n', '\0', ' ', ';', '0', 'f', '\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'),
      ),
    ),
    after: fc.constantFrom('', '', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'x'),
    cuts: fc.array(fc.nat(500), { maxLength: 6 }),
  }),
  check(input) {
    let text = write(input)
    if (input.junk !== null) {
      const [at, junk] = input.junk
      const place = at % (text.length + 1)
      text = text.slice(0, place) + junk + text.slice(place)
    }
    const bytes = Buffer.from(text + input.after, 'latin1')
    const whole = read([bytes])
    const cut = read(slices(bytes, input.cuts))
    must(isDeepStrictEqual(cut, whole), 'another reading when cut')
    must(
      isDeepStrictEqual(read([...bytes].map((byte) => Buffer.of(byte))), whole),
      'another reading byte by byte',
    )
    must(isDeepStrictEqual(read([bytes.toString('latin1')]), whole), 'another reading as text')
    if (whole.head === undefined) return
    const relayed = relayedFields(whole.head, [])
    for (const [i, part] of relayed.entries()) {
      must(!/[\r\n\0]/.test(part), 'a line end goes on')
      if (i % 2 === 0) must(!OURS.test(part.toLowerCase().replaceAll(/[_.]/g, '-')), `goes on: ${part}`)
    }
    const wellFormed = input.junk === null && input.status === '200'
    if (!wellFormed || (input.framing !== 'length' && input.framing !== 'chunked')) return
    must(whole.complete && whole.body === input.body, 'another body')
    must(whole.rest === input.after.length, 'another end')
  },
})
