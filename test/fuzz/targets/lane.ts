import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type HeaderSection, normaliseHeaders } from '../../../gateway/headers/normalise.ts'
import { parseLaneRequest } from '../../../gateway/http/lane/request.ts'
import { fuzzTarget, must } from '../target.ts'

// The licence of the fast lane: whatever it takes for one whole request, Node's parser reads as the same one, with the
// same body, to the last byte. What the lane does not take goes to Node anyway.

type Seen = { requests: Read[]; errors: string[] }
type Read = {
  method: string | undefined
  url: string | undefined
  version: string
  /** The header section as the pipeline gets it. */
  section: unknown
  body: string
  isComplete: boolean
  keepsConnection: boolean
}

/** A connection in memory: what was given is what arrives, at once. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done()
  }
}

const server = createServer({ requireHostHeader: false, insecureHTTPParser: false, maxHeaderSize: 16_384 })
server.maxHeadersCount = 0
const peer = { bytesRead: 0 }

async function readByNode(bytes: Buffer): Promise<Seen> {
  const seen: Seen = { requests: [], errors: [] }
  const wire = new Wire()
  const onRequest = (req: IncomingMessage, res: { shouldKeepAlive: boolean }): void => {
    const read: Read = {
      method: req.method,
      url: req.url,
      version: req.httpVersion,
      section: known(normaliseHeaders(req.rawHeaders)),
      body: '',
      isComplete: false,
      keepsConnection: res.shouldKeepAlive,
    }
    seen.requests.push(read)
    req.on('data', (chunk: Buffer) => {
      read.body += chunk.toString('latin1')
    })
    req.on('end', () => {
      read.isComplete = true
    })
  }
  const onOther = (what: string) => () => void seen.errors.push(what)
  server.on('request', onRequest).on('clientError', onOther('clientError'))
  server.on('upgrade', onOther('upgrade')).on('checkContinue', onOther('checkContinue'))
  server.on('checkExpectation', onOther('checkExpectation')).on('connect', onOther('connect'))
  try {
    server.emit('connection', wire)
    wire.push(bytes)
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
  } finally {
    server.removeAllListeners()
    server.on('connection', ...nodesOwn)
    wire.destroy()
  }
  return seen
}

/** Whether a line is remembered makes no difference to what it says. */
const known = (section: HeaderSection | { refused: string }) =>
  'refused' in section
    ? section
    : {
        ...section,
        endToEnd: section.endToEnd.map(({ name, value, text }) => ({ name, value, text })),
        fromConsole: section.fromConsole,
      }

const nodesOwn = server.listeners('connection') as [() => void]

const method = fc.constantFrom(
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'get',
  'POST ',
  'CONNECT',
  'PRI',
)
const target = fc.oneof(
  fc.constantFrom(
    '/',
    '/rooms',
    '/rooms/x/message?a=b%20c',
    '//x',
    '/%2e',
    '/a b',
    '*',
    'http://a/',
    '/#',
    '/\x7f',
  ),
  fc.stringMatching(/^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/?%|[\]#"<>\\^`{} ]{0,20}$/),
)
const name = fc.oneof(
  fc.constantFrom(
    ...[
      'Host',
      'host',
      'Content-Length',
      'content-length',
      'Content_Length',
      'Connection',
      'Proxy-Connection',
    ],
    ...[
      'Transfer-Encoding',
      'Expect',
      'Upgrade',
      'TE',
      'Trailer',
      'Keep-Alive',
      'Origin',
      'IM-Authorization',
    ],
    ...['X', 'X-Y', 'HTTP2-Settings', 'Set-Cookie', 'Cookie', 'Authorization'],
  ),
  fc.stringMatching(/^[!-~]{1,12}$/),
)
const value = fc.oneof(
  fc.constantFrom(
    ...[
      'a',
      'localhost',
      '0',
      '1',
      '3',
      '5',
      '05',
      '+3',
      '3, 3',
      '16385',
      'chunked',
      'close',
      'Close',
      'keep-alive',
    ],
    ...[
      'Keep-Alive',
      'upgrade',
      'close, x',
      '100-continue',
      'websocket',
      '',
      ' ',
      'a b',
      'a\tb',
      'a ',
      ' a',
      '\u00e4',
    ],
  ),
  fc.stringMatching(/^[ -~]{0,16}$/),
)
const separator = fc.oneof(
  { weight: 20, arbitrary: fc.constant(': ') },
  { weight: 1, arbitrary: fc.constantFrom(':', ':  ', ' : ', ':\t', '') },
)
const lineEnd = fc.oneof(
  { weight: 40, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n', '\r\n ', '') },
)
const field = fc.tuple(name, separator, value, lineEnd).map((parts) => parts.join(''))
const usual = fc.constantFrom(
  ...['Host: a\r\n', 'Accept: */*\r\n', 'User-Agent: fuzz (x; y)\r\n', 'Connection: keep-alive\r\n'],
  ...['IM-Client-Key: k\r\n', 'Content-Type: text/plain\r\n'],
)
const fields = fc
  .array(fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: field }), { maxLength: 8 })
  .map((lines) => lines.join(''))
const body = fc.oneof(
  fc.constant(''),
  fc.stringMatching(/^[ -~\r\n]{0,12}$/),
  fc.constant('0\r\n\r\n'),
  fc.constant('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
)

const loose = fc
  .tuple(
    method,
    target,
    fc.oneof(
      { weight: 20, arbitrary: fc.constant(' HTTP/1.1') },
      { weight: 1, arbitrary: fc.constantFrom(' HTTP/1.0', ' HTTP/2.0', '  HTTP/1.1', ' http/1.1', '') },
    ),
    lineEnd,
    fields,
    lineEnd,
    body,
  )
  .map(([verb, to, version, end, lines, last, rest]) => `${verb} ${to}${version}${end}${lines}${last}${rest}`)

const soundTarget = fc.stringMatching(
  /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/]{0,16}(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]{0,16})?$/,
)
const soundField = fc
  .tuple(fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/), fc.stringMatching(/^[!-~]([ -~]{0,14}[!-~])?$/))
  .map(([key, text]) => `X${key}: ${text}\r\n`)
/** Of all lengths that matter: around what fits into a head, and into a body. */
const filler = fc
  .oneof(fc.nat(40), fc.integer({ min: 7_900, max: 8_200 }), fc.integer({ min: 16_380, max: 16_390 }))
  .map((length) => 'x'.repeat(length))

/** A request that the lane would take, mostly; for the next step to spoil. */
const sound = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
    fc.oneof({ weight: 4, arbitrary: soundTarget }, { weight: 1, arbitrary: fc.constant('/rooms?x=1') }),
    fc.array(fc.oneof(usual, soundField), { maxLength: 8 }),
    fc.constantFrom('', '', 'Connection: close\r\n', 'connection: Keep-Alive\r\n', 'Origin: https://a\r\n'),
    fc.oneof({ weight: 30, arbitrary: body }, { weight: 1, arbitrary: filler }),
    fc.oneof({ weight: 60, arbitrary: fc.constant('') }, { weight: 1, arbitrary: filler }),
  )
  .map(([verb, to, lines, more, rest, padding]) => {
    const length = verb.startsWith('P') && rest !== '' ? `Content-Length: ${rest.length}\r\n` : ''
    const pad = padding === '' ? '' : `X-Padding: ${padding}\r\n`
    const kept = lines.filter((line) => line !== 'Host: a\r\n' && !line.startsWith('Connection')).join('')
    return `${verb} ${to} HTTP/1.1\r\nHost: a\r\n${kept}${more}${pad}${length}\r\n${length === '' ? '' : rest}`
  })

/** One byte changed, put in or taken out. */
const spoilt = fc
  .tuple(sound, fc.nat(300), fc.nat(255), fc.constantFrom('change', 'insert', 'delete'))
  .map(([text, where, byte, how]) => {
    const at = where % text.length
    const put = how === 'delete' ? '' : String.fromCharCode(byte)
    return text.slice(0, at) + put + text.slice(how === 'insert' ? at : at + 1)
  })

export const lane = fuzzTarget<string>({
  name: 'lane',
  inputs: fc.oneof(loose, sound, spoilt),
  async check(text) {
    const bytes = Buffer.from(text, 'latin1')
    const taken = parseLaneRequest(text, peer)
    if (taken === undefined) return
    const { requests, errors } = await readByNode(bytes)
    must(errors.length === 0, `Node answers it with ${errors.join()}`)
    must(requests.length === 1, `Node reads ${requests.length} requests`)
    const [read] = requests
    const ours: Read = {
      method: taken.method,
      url: taken.url,
      version: taken.httpVersion,
      section: known(taken.section),
      body: taken.body ?? '',
      isComplete: true,
      keepsConnection: taken.keepsConnection,
    }
    must(isDeepStrictEqual(read, ours), `Node reads ${JSON.stringify(read)}`)
  },
})
