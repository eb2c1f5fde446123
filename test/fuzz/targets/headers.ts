import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { ownLine, ownName } from '../../../gateway/headers/field-lines.ts'
import { injectFields } from '../../../gateway/headers/inject.ts'
import { normaliseHeaders } from '../../../gateway/headers/normalise.ts'
import { fuzzTarget, must } from '../target.ts'

// Oracle: the sentences of the specification, read a second time and as simply as possible, without the product's
// table of names.

type Field = [name: string, value: string]

const fold = (name: string): string => name.toLowerCase().replaceAll(/[_.]/g, '-')

const TOKENS = ['im-authorization', 'authorization']
const CLIENT_KEYS = ['im-client-key', 'client-key']
const PLATFORM_KEYS = ['im-api-key', 'api-key']
const OURS = [...TOKENS, ...CLIENT_KEYS, ...PLATFORM_KEYS, 'im-device-id', 'im-client-id']
const HOP_BY_HOP = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']
const REBUILT = ['host', 'content-length', 'expect', 'forwarded', 'x-real-ip', 'x-http-method-override']
const RESERVED = /^(im-identity|im-credential|im-node|x-forwarded|proxy-|sec-websocket-)/

const name = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...OURS) },
      { weight: 2, arbitrary: fc.constantFrom('im-identity', 'im-node-id', 'x-forwarded-for', 'proxy-x') },
      { weight: 2, arbitrary: fc.constantFrom(...HOP_BY_HOP, ...REBUILT, 'origin') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('__proto__', 'constructor', 'x-custom', 'cookie', 'user-agent'),
      },
      { weight: 1, arbitrary: fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/) },
    ),
    fc.array(fc.constantFrom('-', '_', '.'), { minLength: 4, maxLength: 4 }),
    fc.integer({ min: 0, max: 2 ** 20 }),
  )
  .map(([plain, separators, cases]) => {
    let at = 0
    const spelled = plain.replaceAll('-', () => separators[at++ % separators.length]!)
    return [...spelled].map((letter, i) => ((cases >> (i % 20)) & 1 ? letter.toUpperCase() : letter)).join('')
  })

const value = fc.oneof(
  fc.constantFrom(
    '',
    'undefined',
    'null',
    'a',
    'b',
    'Bearer a',
    'bearer  b',
    'Basic a b',
    ' a ',
    '\xe4',
    '\xc3\xa4',
  ),
  fc.constantFrom(
    'keep-alive',
    'IM-Identity',
    'im_client_key, close',
    'close, IM.Authorization',
    'chunked',
    '5',
  ),
  fc.constantFrom('gateway.test', 'https://x.example', '192.0.2.9'),
)

/** One text may come in UTF-8 or, where its bytes are none, in latin-1. */
function asText(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString()
  return text.includes('\ufffd') ? bytes : text
}

const absent = (text: string): boolean => ['', 'undefined', 'null'].includes(text.trim())

export const headers = fuzzTarget<Field[]>({
  name: 'headers',
  inputs: fc.array(fc.tuple(name, value), { maxLength: 12 }),
  check(fields) {
    const result = normaliseHeaders(fields.flat())
    const named = fields
      .filter(([name]) => fold(name) === 'connection')
      .flatMap(([, value]) => value.split(',').map((word) => fold(word.trim())))
    const values = (names: string[]): Set<string> =>
      new Set(
        fields
          .filter(([name]) => names.includes(fold(name)) && !named.includes(fold(name)))
          .map(([, value]) => asText(value.trim()))
          .filter((value) => !absent(value)),
      )
    if ('refused' in result) {
      must(
        result.refused !== 'CONFLICTING_CREDENTIALS' ||
          OURS.some((n) => values([n]).size > 1) ||
          values(CLIENT_KEYS).size > 1 ||
          values(PLATFORM_KEYS).size > 1,
        'a conflict of nothing',
      )
      return
    }
    must(values(CLIENT_KEYS).size <= 1, 'two client keys')
    must(values(PLATFORM_KEYS).size <= 1, 'two platform keys')
    const { endToEnd, credentials } = result
    must((credentials.platformKey !== undefined) === (values(PLATFORM_KEYS).size === 1), 'platform key')
    must((credentials.clientKey !== undefined) === (values(CLIENT_KEYS).size === 1), 'client key')
    const sent = fields.map(([name, value]) => `${name}\n${value.trim()}`)
    let from = 0
    for (const { name, value, text } of endToEnd) {
      const folded = fold(name.raw)
      must(!OURS.includes(folded), `a credential goes on: ${folded}`)
      must(!HOP_BY_HOP.includes(folded) && !REBUILT.includes(folded), `goes on: ${folded}`)
      must(!RESERVED.test(folded), `a reserved name goes on: ${folded}`)
      must(!named.includes(folded), `Connection named ${folded}`)
      from = sent.indexOf(`${name.raw}\n${value}`, from) + 1
      must(from > 0, 'a field was made up, changed or moved')
      must(text === `${name.raw}: ${value}\r\n`, 'a line that is written otherwise')
    }
    const identity = ownLine(ownName('IM-Identity'), 'S')
    const vouched = { identity, address: 'A', scheme: 'http', host: 'H', requestId: 'R' } as const
    const all = injectFields([...endToEnd], vouched)
    const identities = all.filter(({ name }) => fold(name.raw) === 'im-identity')
    must(identities.length === 1, `${identities.length} identities`)
    const again = normaliseHeaders(endToEnd.flatMap(({ name, value }) => [name.raw, value]))
    must('endToEnd' in again && isDeepStrictEqual(again.endToEnd, endToEnd), 'not its own normal form')
  },
})
