import fc from 'fast-check'
import t from 'tap'
import { ResponseSyntaxError } from '../../../gateway/upstream/failure.ts'
import { ResponseParser } from '../../../gateway/upstream/response-parser.ts'

type Parsed = {
  status?: number
  fields?: string[]
  body: string
  isWhole: boolean
  isComplete: boolean
  /** Bytes left over after the response. */
  rest: number
  error?: string
}

/** Parses pieces as they would be read from a socket, into one buffer that is used again and again. */
function parse(pieces: readonly Buffer[], { toHead = false, ends = false } = {}): Parsed {
  const result: Parsed = { body: '', isWhole: false, isComplete: false, rest: 0 }
  const parser = new ResponseParser({
    onHead(head, body) {
      result.status = head.status
      result.fields = head.lines.flatMap(({ name, value }) => [name.raw, value])
      if (body !== undefined) {
        result.body = typeof body === 'string' ? body : body.toString('latin1')
        result.isWhole = true
        result.isComplete = true
      }
    },
    onBody(bytes) {
      result.body += bytes.toString('latin1')
    },
    onEnd() {
      result.isComplete = true
    },
  })
  parser.begin(toHead)
  const buffer = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)))
  try {
    for (const piece of pieces) {
      piece.copy(buffer)
      result.rest += piece.length - (parser.done ? 0 : parser.read(buffer, piece.length))
    }
    if (ends) parser.finish()
  } catch (error) {
    if (!(error instanceof ResponseSyntaxError)) throw error
    result.error = error.message
  }
  return result
}

const text = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1')
const one = (bytes: Buffer, options = {}): Parsed => parse([bytes], options)
const bytewise = (bytes: Buffer, options = {}): Parsed =>
  parse(
    [...bytes].map((byte) => Buffer.of(byte)),
    options,
  )

t.test('a body that came with its head is delivered in one piece', async (t) => {
  const parsed = one(text('HTTP/1.1 200 OK', 'Content-Length: 5', 'X-A:  b ', '', 'hello'))
  t.strictSame(parsed, {
    status: 200,
    fields: ['Content-Length', '5', 'X-A', 'b'],
    body: 'hello',
    isWhole: true,
    isComplete: true,
    rest: 0,
  })
})

t.test('a chunked body is decoded, its extensions and trailers dropped', async (t) => {
  const bytes = text(
    'HTTP/1.1 200 OK',
    'Transfer-Encoding: chunked',
    '',
    '5;name="v"',
    'hello',
    '006',
    ' world',
    '0',
    'IM-Identity: forged',
    '',
    '',
  )
  for (const parsed of [one(bytes), bytewise(bytes)]) {
    t.equal(parsed.body, 'hello world')
    t.equal(parsed.isComplete, true)
    t.equal(parsed.rest, 0)
    t.strictSame(parsed.fields, ['Transfer-Encoding', 'chunked'])
  }
})

t.test('a body without length ends with its connection, and only there', async (t) => {
  const bytes = text('HTTP/1.0 200 OK', '', 'until the end')
  t.equal(one(bytes).isComplete, false)
  t.match(one(bytes, { ends: true }), { body: 'until the end', isComplete: true })
})

t.test('a connection that ends early does not complete a response', async (t) => {
  const ends = { ends: true }
  t.equal(one(text('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'hell'), ends).isComplete, false)
  t.equal(
    one(text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '5', 'hello', ''), ends).isComplete,
    false,
  )
  t.equal(one(text('HTTP/1.1 200 OK', 'Content-Len'), ends).isComplete, false)
})

t.test('answers to HEAD, 204 and 304 have no body, whatever their fields say', async (t) => {
  const length = 'Content-Length: 5'
  t.match(one(text('HTTP/1.1 200 OK', length, '', ''), { toHead: true }), { isComplete: true, body: '' })
  t.match(one(text('HTTP/1.1 304 Not Modified', length, '', '')), { isComplete: true, body: '' })
  t.match(one(text('HTTP/1.1 204 No Content', '', '')), { isComplete: true, body: '' })
  t.match(one(text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', ''), { toHead: true }), {
    isComplete: true,
  })
  t.match(one(text('HTTP/1.1 204 No Content', length, '', 'hello')), { isComplete: true, rest: 5 })
})

t.test('interim responses are skipped, a few of them', async (t) => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  const final = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  t.match(one(Buffer.from(interim + final)), { status: 200, body: 'ok', isComplete: true })
  t.match(bytewise(Buffer.from(interim + final)), { status: 200, body: 'ok', isComplete: true })
  t.match(one(Buffer.from(interim.repeat(5) + final)), { error: /interim/ })
  t.match(one(text('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', '', '')), { error: /interim/ })
})

t.test('what follows a response is left over', async (t) => {
  const response = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  t.equal(one(Buffer.from(response + response)).rest, response.length)
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'
  t.equal(one(Buffer.from(`${chunked}x`)).rest, 1)
})

const MALFORMED: Record<string, string> = {
  'no HTTP': 'SSH-2.0-OpenSSH_9.2p1\r\n',
  'no HTTP, binary': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaa',
  'another version': 'HTTP/2.0 200 OK\r\n\r\n',
  'an empty line first': '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'two spaces': 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  'a status out of range': 'HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n',
  'lines that end in LF': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'a bare CR in the reason': 'HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n',
  'a bare LF in a value': 'HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n',
  'a bare CR in a value': 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n',
  'a NUL in a value': 'HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n',
  'obs-fold': 'HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\nContent-Length: 0\r\n\r\n',
  'a blank before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
  'no colon': 'HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n',
  'no name': 'HTTP/1.1 200 OK\r\n: 0\r\n\r\n',
  'length and chunked': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n',
  'chunked and length, to HEAD too':
    'HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
  'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n',
  'a signed length': 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n',
  'a length in hexadecimal': 'HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n',
  'an empty length': 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
  'an absurd length': `HTTP/1.1 200 OK\r\nContent-Length: ${'9'.repeat(16)}\r\n\r\n`,
  'another coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
  'an obfuscated coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: ,chunked\r\n\r\n',
  'chunked twice': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
  'chunked in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  'chunked without a body': 'HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n',
}
for (const [what, bytes] of Object.entries(MALFORMED))
  t.test(`refused in one piece and byte by byte: ${what}`, async (t) => {
    t.match(one(Buffer.from(bytes, 'latin1')), { error: /malformed/, isComplete: false })
    t.match(bytewise(Buffer.from(bytes, 'latin1')), { error: /malformed/, isComplete: false })
  })

const MALFORMED_CHUNKS: Record<string, string> = {
  'no size': '\r\nhello\r\n',
  'a negative size': '-5\r\nhello\r\n',
  'a prefix': '0x5\r\nhello\r\n',
  'a blank after the size': '5 \r\nhello\r\n',
  'a size beyond counting': `${'f'.repeat(14)}\r\n`,
  'a size line that ends in LF': '5\nhello\r\n',
  'a CR without LF': '5\rhello\r\n',
  'bytes beyond the size': '5\r\nhello!\r\n',
  'a chunk that ends in LF': '5\r\nhello\n0\r\n\r\n',
  'an extension without end': `5;${'a'.repeat(2_000)}`,
  'a control character in an extension': '5;a\0b\r\nhello\r\n',
  'trailers without end': `0\r\n${'A: b\r\n'.repeat(2_000)}`,
  'a trailer without colon': '0\r\nabc\r\n\r\n',
  'a folded trailer': '0\r\n a: b\r\n\r\n',
  'a trailer that ends in LF': '0\r\na: b\n\r\n',
}
for (const [what, bytes] of Object.entries(MALFORMED_CHUNKS))
  t.test(`refused in a chunked body: ${what}`, async (t) => {
    const response = Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${bytes}`, 'latin1')
    t.match(one(response), { error: /malformed/, isComplete: false })
    t.match(bytewise(response), { error: /malformed/, isComplete: false })
  })

t.test('a length stated twice alike is one length', async (t) => {
  t.match(one(text('HTTP/1.1 200 OK', 'Content-Length: 2', 'content-length: 2', '', 'ok')), { body: 'ok' })
})

t.test('a head may have 200 fields and 64 KB, and not more', async (t) => {
  const head = (fields: number): Buffer =>
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${'a: b\r\n'.repeat(fields)}\r\n`)
  t.equal(one(head(199)).isComplete, true)
  t.match(one(head(200)), { error: /too many/ })
  const around = 'HTTP/1.1 204 X\r\na: \r\n\r\n'.length
  const long = (bytes: number): Buffer =>
    Buffer.from(`HTTP/1.1 204 X\r\na: ${'x'.repeat(bytes - around)}\r\n\r\n`)
  for (const parsed of [one(long(65_536)), bytewise(long(65_536))]) t.equal(parsed.isComplete, true)
  for (const parsed of [one(long(65_537)), bytewise(long(65_537))]) t.match(parsed, { error: /too large/ })
})

t.test('a head without end is refused at the limit', async (t) => {
  const piece = Buffer.from(`a: ${'x'.repeat(1_000)}\r\n`)
  const pieces = [Buffer.from('HTTP/1.1 200 OK\r\n'), ...Array.from({ length: 70 }, () => piece)]
  t.match(parse(pieces), { error: /too large/ })
})

const token = fc.stringMatching(/^[A-Za-z-]{1,12}$/)
const body = fc.string({ unit: 'binary-ascii', maxLength: 200 })
const response = fc
  .record({
    status: fc.constantFrom(200, 201, 204, 304, 404, 500),
    fields: fc.array(fc.tuple(token, fc.stringMatching(/^[ -~]{0,20}$/)), { maxLength: 5 }),
    interim: fc.boolean(),
    framing: fc.constantFrom('fixed', 'chunked', 'until-close'),
    chunks: fc.array(body, { maxLength: 4 }),
    damageAt: fc.option(fc.nat(400), { freq: 3 }),
    damage: fc.constantFrom('\r', '\n', '\0', ' ', ':', '0'),
  })
  .map(({ status, fields, interim, framing, chunks, damageAt, damage }) => {
    const whole = chunks.join('')
    const framed =
      status === 204 || framing === 'until-close'
        ? ['\r\n', whole]
        : framing === 'fixed'
          ? [`Content-Length: ${whole.length}\r\n\r\n`, whole]
          : [
              'Transfer-Encoding: chunked\r\n\r\n',
              ...chunks.filter(Boolean).map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`),
              '0\r\nX: y\r\n\r\n',
            ]
    const lines = fields.map(([name, value]) => `X-${name}: ${value}\r\n`).join('')
    const before = interim ? 'HTTP/1.1 103 Early Hints\r\n\r\n' : ''
    const all = `${before}HTTP/1.1 ${status} Reason\r\n${lines}${framed.join('')}`
    if (damageAt === null || damageAt >= all.length) return all
    return all.slice(0, damageAt) + damage + all.slice(damageAt + 1)
  })

t.test('however the bytes are cut, the same is read, or the same refused', async () => {
  fc.assert(
    fc.property(response, fc.array(fc.integer({ min: 1, max: 40 })), fc.boolean(), (all, sizes, ends) => {
      const bytes = Buffer.from(all, 'latin1')
      const pieces: Buffer[] = []
      let at = 0
      for (const size of sizes) {
        if (at < bytes.length) pieces.push(bytes.subarray(at, at + size))
        at += size
      }
      if (at < bytes.length) pieces.push(bytes.subarray(at))
      const whole = comparable(one(bytes, { ends }))
      return whole === comparable(parse(pieces, { ends })) && whole === comparable(bytewise(bytes, { ends }))
    }),
    { numRuns: 400 },
  )
})

/** Which of several faults is met first may depend on the cuts; and a refused response has no other properties. */
function comparable({ isWhole: _, error, ...parsed }: Parsed): string {
  return error === undefined ? JSON.stringify(parsed) : 'refused'
}
