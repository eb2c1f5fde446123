import fc from 'fast-check'
import t from 'tap'
import { foldName } from '../../../gateway/headers/names.ts'
import { type HeaderSection, normaliseHeaders } from '../../../gateway/headers/normalise.ts'

function normalised(...fields: [string, string][]): HeaderSection {
  const result = normaliseHeaders([['Host', 'chat.example'], ...fields].flat() as string[])
  if ('refused' in result) throw new Error(`refused: ${result.refused}`)
  return result
}

function refusal(...fields: [string, string][]): string | undefined {
  const result = normaliseHeaders(fields.flat())
  return 'refused' in result ? result.refused : undefined
}

const textsOf = ({ endToEnd }: HeaderSection): string[] => endToEnd.map(({ text }) => text)

t.test('every spelling of a credential leads to one place', async (t) => {
  for (const name of [
    'IM-Client-Key',
    'im-client-key',
    'IM_CLIENT_KEY',
    'im.client.key',
    'CLIENT_KEY',
    'Client-Key',
  ])
    t.equal(normalised([name, 'key']).credentials.clientKey, 'key', name)
  for (const name of ['IM-Authorization', 'IM_AUTHORIZATION', 'Authorization', 'authorization'])
    t.equal(normalised([name, 'token']).credentials.clientToken, 'token', name)
  for (const name of ['IM-API-KEY', 'im_api_key', 'API_KEY', 'Api-Key'])
    t.equal(normalised([name, 'key']).credentials.platformKey, 'key', name)
  t.equal(normalised(['IM-Device-ID', 'phone']).credentials.deviceId, 'phone')
  t.equal(normalised(['IM-CLIENT-ID', 'ada']).credentials.actingUserId, 'ada')
})

t.test('a Bearer prefix is stripped from both forms of the token', async (t) => {
  t.equal(normalised(['IM-Authorization', 'Bearer abc']).credentials.clientToken, 'abc')
  t.equal(normalised(['Authorization', 'bearer  abc']).credentials.clientToken, 'abc')
})

t.test('empty, undefined and null count as absent', async (t) => {
  for (const value of ['', '   ', 'undefined', 'null', 'Bearer undefined'])
    t.equal(normalised(['IM-Authorization', value]).credentials.clientToken, undefined, JSON.stringify(value))
  t.equal(
    normalised(['IM-Authorization', 'undefined'], ['Authorization', 'old']).credentials.clientToken,
    'old',
  )
})

t.test('another scheme in Authorization is not ours', async (t) => {
  t.equal(normalised(['Authorization', 'AWS4-HMAC-SHA256 Credential=x']).credentials.clientToken, undefined)
  t.equal(normalised(['Authorization', 'Basic eDp5']).credentials.clientToken, undefined)
})

t.test('IM-Authorization wins over a differing Authorization', async (t) => {
  t.equal(normalised(['Authorization', 'old'], ['IM-Authorization', 'new']).credentials.clientToken, 'new')
})

t.test('two different values of one key are refused, in one spelling or two', async (t) => {
  t.equal(refusal(['IM-Client-Key', 'a'], ['CLIENT_KEY', 'b']), 'CONFLICTING_CREDENTIALS')
  t.equal(refusal(['IM-API-KEY', 'a'], ['API_KEY', 'b']), 'CONFLICTING_CREDENTIALS')
  t.equal(refusal(['IM-Client-Key', 'a'], ['IM_CLIENT_KEY', 'b']), 'CONFLICTING_CREDENTIALS')
  t.equal(refusal(['IM-Authorization', 'a'], ['im-authorization', 'b']), 'CONFLICTING_CREDENTIALS')
  t.equal(refusal(['Authorization', 'a'], ['authorization', 'b']), 'CONFLICTING_CREDENTIALS')
  t.equal(refusal(['IM-Client-Key', 'a'], ['CLIENT_KEY', 'a']), undefined, 'the same value twice is fine')
})

t.test('no credential, reserved, hop-by-hop or override field is forwarded, in any spelling', async (t) => {
  const names = [
    'IM-Identity',
    'im_identity',
    'im.identity',
    'Im-Identity-Extra',
    'IM-Credential-Position',
    'IM_NODE_ID',
    'IM-Client-Key',
    'CLIENT_KEY',
    'IM-Authorization',
    'Authorization',
    'IM-API-KEY',
    'API_KEY',
    'IM-Device-ID',
    'IM-Client-ID',
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy_Authorization',
    'TE',
    'Trailer',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'X-Forwarded-For',
    'X_Forwarded_Host',
    'x.forwarded.proto',
    'X-Forwarded-User',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'Sec-WebSocket-Extensions',
  ]
  for (const name of names) t.same(normalised([name, 'x']).endToEnd, [], name)
})

t.test('what Connection names is dropped first, a credential included', async (t) => {
  const result = normalised(
    ['Connection', 'keep-alive, X-Secret, IM_Client_Key'],
    ['X-Secret', 'a'],
    ['IM-Client-Key', 'key'],
    ['X-Kept', 'b'],
  )
  t.same(textsOf(result), ['X-Kept: b\r\n'])
  t.equal(result.credentials.clientKey, undefined)
})

t.test('Connection cannot take the Host away', async (t) => {
  t.equal(normalised(['Connection', 'host']).host, 'chat.example')
})

t.test('other fields pass as they came, duplicates kept', async (t) => {
  t.same(textsOf(normalised(['Accept', 'a'], ['X-Twice', '1'], ['x-twice', '2'], ['__proto__', 'p'])), [
    'Accept: a\r\n',
    'X-Twice: 1\r\n',
    'x-twice: 2\r\n',
    '__proto__: p\r\n',
  ])
})

t.test('a Host that is doubled or is no host is refused', async (t) => {
  t.equal(refusal(['Host', 'a'], ['Host', 'a']), 'BAD_REQUEST')
  for (const host of ['a b', 'user@a', 'a/b', '', 'a:b', 'a, b'])
    t.equal(refusal(['Host', host]), 'BAD_REQUEST', host)
  for (const host of ['a', 'a.b:80', '[::1]:8080', '127.0.0.1'])
    t.equal(refusal(['Host', host]), undefined, host)
})

t.test('framing that two servers could read differently is refused', async (t) => {
  t.equal(refusal(['Content-Length', '010']), 'BAD_REQUEST')
  t.equal(refusal(['Content-Length', '+1']), 'BAD_REQUEST')
  t.equal(refusal(['Content_Length', '1']), 'BAD_REQUEST')
  t.equal(refusal(['Transfer-Encoding', 'gzip, chunked']), 'BAD_REQUEST')
  t.equal(refusal(['Transfer-Encoding', ',chunked']), 'BAD_REQUEST')
  t.equal(refusal(['Transfer_Encoding', 'chunked']), 'BAD_REQUEST')
  t.equal(refusal(['Transfer-Encoding', 'chunked'], ['Content-Length', '1']), 'BAD_REQUEST')
  t.equal(refusal(['Content-Length', '12']), undefined)
})

t.test('more than a hundred fields are refused', async (t) => {
  const many = Array.from({ length: 101 }, (_, i): [string, string] => [`x-${i}`, ''])
  t.equal(refusal(...many), 'HEADERS_TOO_LARGE')
})

t.test('UTF-8 in an id is read as such, latin-1 stays what it is', async (t) => {
  const wire = Buffer.from('用户一').toString('latin1')
  t.equal(normalised(['IM-Client-ID', wire]).credentials.actingUserId, '用户一')
  t.equal(normalised(['IM-Client-ID', 'caf\xe9']).credentials.actingUserId, 'café')
})

t.test('property: nothing that folds to a reserved or credential name is ever forwarded', async () => {
  const separator = fc.constantFrom('-', '_', '.')
  const reserved = fc.constantFrom(
    'im-identity',
    'im-client-key',
    'client-key',
    'authorization',
    'im-authorization',
    'api-key',
    'im-api-key',
    'x-forwarded-for',
    'transfer-encoding',
    'content-length',
    'connection',
  )
  const spelling = fc
    .tuple(reserved, fc.infiniteStream(separator), fc.infiniteStream(fc.boolean()))
    .map(([name, separators, upper]) =>
      [...name]
        .map((c) => {
          if (c === '-') return separators.next().value as string
          return upper.next().value ? c.toUpperCase() : c
        })
        .join(''),
    )
  const name = fc.oneof(spelling, fc.stringMatching(/^[A-Za-z0-9_.-]{1,20}$/))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, fc.stringMatching(/^[a-z0-9, -]{0,12}$/)), { maxLength: 12 }),
      (fields) => {
        const result = normaliseHeaders(fields.flat())
        if ('refused' in result) return true
        const forwarded = result.endToEnd.map(({ name }) => foldName(name.raw))
        const bad =
          /^(im-identity|(im-)?client-key|(im-)?authorization|(im-)?api-key|x-forwarded|transfer-encoding|content-length|connection)/
        return forwarded.every((folded) => !bad.test(folded))
      },
    ),
    { numRuns: 2_000 },
  )
})

t.test(
  'the console is believed only where the browser itself says that the page is of this origin',
  async (t) => {
    const page: [string, string] = ['IM-Console', '1']
    const site: [string, string] = ['Sec-Fetch-Site', 'same-origin']
    t.equal(normalised(page, site).fromConsole, true)
    t.same(textsOf(normalised(page, site)), ['Sec-Fetch-Site: same-origin\r\n'], 'the demo reads it too')
    for (const fields of [
      [page],
      [site],
      [['IM-Console', ''], site],
      [page, ['Sec-Fetch-Site', 'same-site']],
      [page, ['Sec-Fetch-Site', 'cross-site']],
      [page, ['Sec-Fetch-Site', 'none']],
      [page, ['Sec_Fetch_Site', 'same-origin']],
      [page, ['Sec_Fetch_Site', 'same-origin'], ['Sec-Fetch-Site', 'cross-site']],
      [page, ['Sec-Fetch-Site', 'cross-site'], ['Sec_Fetch_Site', 'same-origin']],
      [page, site, site],
      [page, site, ['Connection', 'Sec-Fetch-Site']],
    ] as [string, string][][])
      t.equal(normalised(...fields).fromConsole, false, JSON.stringify(fields))
  },
)
