import t from 'tap'
import { openRaw, requestText } from '../support/raw-http.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey, platformKey } = stack.keys
const user = await stack.createUser('someone')
const ORIGIN = 'https://chat.example'

const REFUSALS: Record<string, { headers: Record<string, string>; status: number; code: string }> = {
  'no credentials at all': { headers: {}, status: 401, code: 'MISSING_CREDENTIALS' },
  'a client key and no token': {
    headers: { 'IM-Client-Key': clientKey },
    status: 401,
    code: 'MISSING_TOKEN',
  },
  'a token that a browser wrote as undefined': {
    headers: { CLIENT_KEY: clientKey, 'IM-Authorization': 'undefined' },
    status: 401,
    code: 'MISSING_TOKEN',
  },
  'an empty token': {
    headers: { 'IM-Client-Key': clientKey, 'IM-Authorization': '' },
    status: 401,
    code: 'MISSING_TOKEN',
  },
  'an unknown token': {
    headers: { 'IM-Client-Key': clientKey, 'IM-Authorization': 'nobody has it' },
    status: 401,
    code: 'INVALID_TOKEN',
  },
  'a wrong client key': {
    headers: { 'IM-Client-Key': 'wrong', 'IM-Authorization': user.token },
    status: 401,
    code: 'INVALID_CLIENT_KEY',
  },
  'a token without a client key': {
    headers: { 'IM-Authorization': user.token },
    status: 401,
    code: 'INVALID_CLIENT_KEY',
  },
  'two client keys that differ': {
    headers: { 'IM-Client-Key': clientKey, CLIENT_KEY: 'another', 'IM-Authorization': user.token },
    status: 400,
    code: 'CONFLICTING_CREDENTIALS',
  },
  'two platform keys that differ': {
    headers: { 'IM-API-KEY': platformKey, API_KEY: 'another' },
    status: 400,
    code: 'CONFLICTING_CREDENTIALS',
  },
  'an unknown platform key': { headers: { API_KEY: 'wrong' }, status: 401, code: 'INVALID_API_KEY' },
  'a client key in the place of a platform key': {
    headers: { API_KEY: clientKey },
    status: 401,
    code: 'INVALID_API_KEY',
  },
}

for (const [name, { headers, status, code }] of Object.entries(REFUSALS)) {
  t.test(`${name}: ${status} ${code}, in an envelope that browsers can read`, async (t) => {
    // A platform key that comes with an Origin is refused for that alone.
    const fromServer = headers['IM-API-KEY'] ?? headers.API_KEY
    const answer = await stack
      .client({ ...headers, ...(!fromServer && { Origin: ORIGIN }) })
      .call('GET', '/me')
    t.match(answer, { status, RC: status, code, body: { RM: String, error: { message: String } } })
    t.match(String(answer.headers['content-type']), /json/)
    if (!fromServer) t.ok(['*', ORIGIN].includes(String(answer.headers['access-control-allow-origin'])))
  })
}

t.test('errors of the core carry the CORS headers too: 403, 404, 400', async (t) => {
  const api = stack.client({ ...user.api.headers, Origin: ORIGIN })
  const other = await stack.createUser('other')
  const { _id } = await other.api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: 'closed' })
  const answers = [
    await api.call('GET', `/rooms/${_id}`),
    await api.call('GET', '/rooms/0123456789abcdef01234567'),
    await api.call('POST', '/me', undefined, {
      rawBody: '{',
      headers: { 'Content-Type': 'application/json' },
    }),
    await api.call('GET', '/no-such-endpoint'),
  ]
  t.same(
    answers.map(({ status }) => status),
    [403, 404, 400, 404],
  )
  for (const { headers, status, RC } of answers) {
    t.equal(RC, status)
    t.ok(['*', ORIGIN].includes(String(headers['access-control-allow-origin'])), `${status}`)
  }
})

t.test(
  'a success carries exactly one Access-Control-Allow-Origin and never allows credentials',
  async (t) => {
    const connection = await openRaw(stack.url)
    t.teardown(() => connection.destroy())
    const credentials = Object.entries(user.api.headers).map(([name, value]) => `${name}: ${value}`)
    connection.write(requestText('GET /me HTTP/1.1', [...credentials, `Origin: ${ORIGIN}`]))
    const { status, fields } = await connection.response()
    t.equal(status, 200)
    const named = (name: string) => fields.filter(([field]) => field.toLowerCase() === name)
    t.equal(named('access-control-allow-origin').length, 1)
    t.equal(named('access-control-allow-credentials').length, 0)
  },
)

t.test('a preflight needs no credentials and allows every header that shipped clients send', async (t) => {
  const wanted = [
    'im-authorization',
    'im-client-key',
    'im-client-id',
    'im-device-id',
    'im-api-key',
    'client_key',
    'api_key',
    'authorization',
    'content-type',
    'x-timezone',
    'accept-language',
  ]
  for (const path of ['/me', '/rooms/x/message', '/files/chatserver-upload', '/nowhere']) {
    const { status, headers } = await stack
      .client({
        Origin: ORIGIN,
        'Access-Control-Request-Method': 'PUT',
        'Access-Control-Request-Headers': wanted.join(','),
      })
      .call('OPTIONS', path)
    t.ok(status === 204 || status === 200, `${path} answered ${status}`)
    const allowed = String(headers['access-control-allow-headers'])
      .toLowerCase()
      .split(/\s*,\s*/)
    t.same(
      wanted.filter((name) => !allowed.includes(name)),
      [],
      path,
    )
    const methods = String(headers['access-control-allow-methods'])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) t.match(methods, method)
    t.ok(['*', ORIGIN].includes(String(headers['access-control-allow-origin'])))
    t.ok(Number(headers['access-control-max-age']) > 0)
  }
})
