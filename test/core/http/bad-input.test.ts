/**
 * Whatever a caller sends, the answer is the contract's: an error with its code, never a failure of the server. Made
 * from the schemas of every endpoint, each with the request of `endpoint-requests.ts` as what would be right.
 */
import t, { type Test } from 'tap'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { Route } from '../../../core/http/route.ts'
import { routes } from '../../../core/http/routes.ts'
import { DATABASES, startContractServer } from '../../contract/server.ts'
import type { ApiAnswer, ApiClient } from '../../support/api-client.ts'
import { type EndpointRequest, requestOf, type SceneIds, sendRequest } from './endpoint-requests.ts'
import { createCopier, furnish } from './scene.ts'

const HUGE = 'x'.repeat(20_000)
const NUL = 'a\u0000b'
const LONE_SURROGATE = 'a\ud800b'
const WRONG: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  '',
  HUGE,
  NUL,
  LONE_SURROGATE,
  [],
  [null],
  [[[]]],
  [HUGE],
  Array(6_000).fill('x'),
  {},
  { $where: '1' },
  { constructor: 1 },
]
/** More does not fit into a request's head. */
const LONG = 'x'.repeat(6_000)
const WRONG_TEXTS = ['', '-1', '1.5', '1e999', 'NaN', 'true', LONG, NUL, '{', '[]', 'null', '{"$where":"1"}']
const WRONG_IDS = [
  'unknown',
  'x'.repeat(257),
  '%00',
  '%F0%9F%92%A3',
  '%2e%2e%2f',
  '%27%20OR%201=1--',
  '0',
  '%ED%A0%80',
]
const FILTERS = [
  '{',
  '[]',
  'null',
  '7',
  '{"$where":"sleep(1)"}',
  '{"$expr":{}}',
  '{"unknownField":{"$function":"x"}}',
  `{"name":{"$regex":"${'(a+)+'.repeat(60)}"}}`,
  `${'{"$and":['.repeat(50)}{}${']}'.repeat(50)}`,
  JSON.stringify({ $or: Array.from({ length: 500 }, () => ({ name: 'x' })) }),
  JSON.stringify({ name: { $in: Array.from({ length: 1_001 }, () => '') } }),
  JSON.stringify({ name: NUL }),
  JSON.stringify({ updatedAt: { $gt: 'yesterday' } }),
]

/** What endpoints read without a schema that names it. */
const READ_BESIDES: Readonly<Record<string, readonly string[]>> = {
  'POST /rooms/:id/message': [
    '_id',
    'sender',
    'clientMessageID',
    'reply',
    'mentions',
    'extra',
    'originalUrl',
  ],
  'POST /messages': ['extra', 'originalUrl'],
  'POST /messages/batch': ['sender', 'mentions', 'extra', 'push', 'skipTotalBadge'],
  'POST /admin/clients': ['level', 'members', 'data'],
}

/** Made anew for each request: what the gateway signed grows old within a minute. */
type Client = { name: string; client: () => ApiClient }

const propertiesOf = (schema: TSchema): Record<string, TSchema> =>
  'properties' in schema ? (schema.properties as Record<string, TSchema>) : {}

const requiredOf = (schema: TSchema): readonly string[] =>
  'required' in schema && Array.isArray(schema.required) ? schema.required : []

/** A refusal of the contract's shape, or a success; what must not be is a failure of ours. */
function isAnswer(answer: ApiAnswer, bare: boolean): boolean {
  if (answer.status === 200) return bare || answer.RC === 0
  const { error } = answer.body
  return (
    answer.status >= 400 &&
    answer.status < 500 &&
    answer.status !== 401 &&
    answer.RC === answer.status &&
    typeof answer.body.RM === 'string' &&
    typeof answer.code === 'string' &&
    typeof error === 'object'
  )
}

function* badBodies(route: Route, right: object | undefined): Generator<[what: string, body: unknown]> {
  for (const body of [null, 'text', 7, true, [], [[]]]) yield [JSON.stringify(body), body]
  if (route.multipart || Array.isArray(right)) return
  const besides = READ_BESIDES[`${route.method} ${route.path}`] ?? []
  for (const name of new Set([
    ...Object.keys(propertiesOf(route.body)),
    ...Object.keys(right ?? {}),
    ...besides,
  ]))
    for (const wrong of WRONG)
      yield [`${name} = ${String(JSON.stringify(wrong)).slice(0, 24)}`, { ...right, [name]: wrong }]
}

function* badPaths(route: Route, right: string): Generator<string> {
  const [plain = ''] = right.split('?')
  const given = plain.split('/')
  const names = route.path.split('/')
  for (const [index, name] of names.entries()) {
    if (!name.startsWith(':') && name !== '*') continue
    for (const id of WRONG_IDS) yield given.map((segment, i) => (i === index ? id : segment)).join('/')
  }
}

function* badQueries(route: Route, right: string): Generator<[path: string, mustFail: boolean]> {
  const [plain = '', query = ''] = right.split('?')
  for (const name of Object.keys(propertiesOf(route.query))) {
    const rest = new URLSearchParams(query)
    rest.delete(name)
    const isFilter = ['q', 'pref', 'prefs'].includes(name)
    for (const value of isFilter ? [...WRONG_TEXTS, ...FILTERS] : WRONG_TEXTS) {
      rest.set(name, value)
      yield [`${plain}?${rest}`, (isFilter || name === 'limit' || name === 'skip') && value !== '']
    }
    yield [`${plain}?${name}=1&${name}=2&${name}[]=3`, false]
  }
}

async function check(t: Test, clients: Client[], route: Route, ids: SceneIds): Promise<void> {
  const endpoint = `${route.method} ${route.path}`
  const right = requestOf(endpoint, ids)
  const failures: string[] = []
  let sent = 0
  // Each client in its turn.
  const send = async (request: EndpointRequest, what: string, mustFail = false) => {
    const { name, client } = clients[sent++ % clients.length]!
    const answer = await sendRequest(client(), route.method, request)
    if (mustFail && answer.status !== 400) failures.push(`${name}, ${what}: ${answer.status}, not 400`)
    if (!isAnswer(answer, route.bare))
      failures.push(`${name}, ${what}: ${answer.status} ${answer.text.slice(0, 120)}`)
  }
  if (route.method !== 'GET') {
    for (const [what, body] of badBodies(route, right.body as object | undefined))
      await send({ path: right.path, body }, what, !Value.Check(route.body, body))
    for (const name of requiredOf(route.body)) {
      const { [name]: _, ...rest } = right.body as Record<string, unknown>
      const answer = await clients.at(-1)?.client().call(route.method, right.path, rest)
      if (answer?.code !== 'MISSING_PARAMETER')
        failures.push(`without ${name}: ${answer?.text.slice(0, 120)}`)
    }
  }
  for (const path of badPaths(route, right.path)) await send({ ...right, path }, path.slice(0, 90))
  for (const [path, mustFail] of badQueries(route, right.path))
    await send({ ...right, path }, path.slice(0, 90), mustFail)
  t.same(failures, [], endpoint)
}

for (const kind of DATABASES)
  t.test(`no request makes the server fail, on ${kind}`, async (t) => {
    const server = await startContractServer(t, kind)
    const template = await server.newApp()
    const ids = await furnish(template)
    const copy = await createCopier(server.chat.db)
    const everyNth = kind === 'pglite' ? 1 : 5
    for (const [index, route] of routes.entries()) {
      if (index % everyNth !== 0) continue
      // What one endpoint takes away is there for the next.
      const app = await server.newApp()
      await copy(template.app, app.app)
      const acting: Client = { name: 'platform', client: () => app.platform('owner') }
      const client: Client = { name: 'client', client: () => app.user('owner') }
      const isClients = route.caller === 'user' || route.caller === 'any'
      await check(t, isClients ? [acting, client] : [acting], route, ids)
    }
    t.equal((await template.user('owner').call('GET', '/me')).status, 200, 'and it still answers')
  })

t.test('a text that stands for a time, a cursor or a filter and is none is refused by name', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const app = await server.newApp()
  const ids = await furnish(app)
  const cases: ReadonlyArray<[path: string, code: string]> = [
    ['/rooms?q={', 'INVALID_QUERY'],
    ['/rooms?q=[]', 'INVALID_QUERY'],
    ['/rooms?pref={"x":1}', 'INVALID_QUERY'],
    ['/rooms?sort=password', 'INVALID_QUERY'],
    ['/rooms?updatedAfter=soon', 'INVALID_QUERY'],
    ['/rooms?limit=-1', 'INVALID_QUERY'],
    ['/rooms?skip=x', 'INVALID_QUERY'],
    ['/rooms/room/messages/v3?beforeMessage=unknown', 'MESSAGE_NOT_FOUND'],
    ['/rooms/room/messages/v3?sortOrder=up', 'INVALID_QUERY'],
    ['/rooms/room/messages/v3?timeRangeField=seq', 'INVALID_QUERY'],
    ['/rooms/room/messages/v3?afterTime=soon', 'INVALID_QUERY'],
    ['/rooms/room/messages?beforeMessage=unknown', 'MESSAGE_NOT_FOUND'],
    ['/rooms/room/messages/unknown', 'MESSAGE_NOT_FOUND'],
    [`/rooms/nowhere/messages/${ids.message}`, 'NOT_ROOM_MEMBER'],
    ['/rooms/nowhere', 'ROOM_NOT_FOUND'],
    ['/messages/user-delete', 'MISSING_PARAMETER'],
    ['/rooms/room/count?timeInMS=x', 'INVALID_QUERY'],
  ]
  for (const [path, code] of cases) {
    const [plain, query] = path.split('?')
    const [name, value] = query?.split(/=(.*)/s) ?? []
    const encoded = name === undefined ? plain : `${plain}?${name}=${encodeURIComponent(value ?? '')}`
    t.match(await app.user('owner').call('GET', String(encoded)), { code }, path)
  }
})
