import { readFile } from 'node:fs/promises'
import t from 'tap'
import { Compile } from 'typebox/schema'
import { describeRoutes, type Operation, templateOf } from '../../../core/http/openapi/document.ts'
import { ENDPOINTS } from '../../../core/http/openapi/endpoints.ts'
import { GATEWAY_ERRORS } from '../../../core/http/openapi/failures.ts'
import { createReader } from '../../../core/http/reading.ts'
import { routes } from '../../../core/http/routes.ts'
import { ERROR_CODES, errorEntry } from '../../../gateway/errors.ts'
import { startContractServer } from '../../contract/server.ts'
import { type ApiClient, createApiClient } from '../../support/api-client.ts'

const api = describeRoutes(routes)
const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`
const operationOf = (method: string, path: string): Operation | undefined =>
  api.paths[path]?.[method.toLowerCase()]
const operations = Object.values(api.paths).flatMap((item) => Object.values(item))

/** A schema of the document, with what its references lead to. */
const compile = (schema: object) => Compile({ ...schema, components: api.components })

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inside]) =>
    name === '$ref' ? [String(inside)] : referencesIn(inside),
  )
}

t.test('every route is described, and nothing else', (t) => {
  const described = Object.values(ENDPOINTS).flatMap((endpoints) => Object.keys(endpoints))
  t.same([...described].sort(), routes.map(nameOf).sort())
  t.equal(operations.length, routes.length)
  const ids = operations.map((operation) => operation.operationId)
  t.equal(new Set(ids).size, ids.length, 'each operation has a name of its own')
  t.end()
})

t.test('every reference leads somewhere, and every component is led to', (t) => {
  const references = new Set(referencesIn(api))
  for (const reference of references) {
    const [, ...names] = reference.split('/')
    const target = names.reduce<unknown>((inside, name) => Object(inside)[name], api)
    t.type(target, 'object', reference)
  }
  for (const kind of ['schemas', 'responses', 'parameters'] as const)
    for (const name of Object.keys(api.components[kind]))
      t.ok(references.has(`#/components/${kind}/${name}`), `${kind}: ${name}`)
  for (const { security } of operations)
    for (const requirement of security)
      for (const scheme of Object.keys(requirement)) t.ok(scheme in api.components.securitySchemes)
  t.end()
})

t.test('each path parameter stands in its path', (t) => {
  for (const [path, item] of Object.entries(api.paths))
    for (const { parameters } of Object.values(item)) {
      const named = parameters.flatMap((parameter) =>
        Object(parameter).in === 'path' ? [Object(parameter).name] : [],
      )
      t.same(
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
        named,
        path,
      )
    }
  t.end()
})

t.test('examples are what the server accepts, and what it answers', (t) => {
  const isFailure = compile({ $ref: '#/components/schemas/Failure' })
  for (const route of routes) {
    const operation = operationOf(route.method, templateOf(route.path))
    const body = operation?.requestBody?.content['application/json']
    if (body?.example !== undefined)
      t.doesNotThrow(() => createReader(route.body, 'INVALID_REQUEST')(body.example, false), nameOf(route))
    if (operation?.requestBody?.required && body !== undefined)
      t.ok(body?.example, `${nameOf(route)} has an example`)
  }
  for (const response of Object.values(api.components.responses))
    for (const { content } of [Object(response)])
      for (const example of Object.values(content['application/json'].examples ?? {}))
        t.ok(isFailure.Check(Object(example).value))
  t.end()
})

t.test('the gateway’s own errors are told as they are', (t) => {
  const known: Record<number, string[]> = {}
  for (const code of ERROR_CODES) {
    const { status } = errorEntry(code)
    known[status] = [...(known[status] ?? []), code]
  }
  t.same(GATEWAY_ERRORS, known)
  t.end()
})

t.test('both generations of headers are told', (t) => {
  const names = Object.values(api.components.securitySchemes).map((scheme) => Object(scheme).name)
  t.same(names, ['IM-Client-Key', 'IM-Authorization', 'IM-API-KEY', 'CLIENT_KEY', 'Authorization', 'API_KEY'])
  t.end()
})

t.test('docs/openapi.json is what the routes say; `npm run docs:openapi` writes it', async (t) => {
  const text = await readFile(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')
  t.strictSame(JSON.parse(text), JSON.parse(JSON.stringify(api)))
})

t.test('the core serves it to everyone, with a page that needs nothing from elsewhere', async (t) => {
  const { url } = await startContractServer(t, 'pglite')
  const nobody = createApiClient(url, {})
  t.strictSame((await nobody.call('GET', '/openapi.json')).body, JSON.parse(JSON.stringify(api)))
  const page = await nobody.call('GET', '/reference/')
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' })
  t.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'self';/)
  t.notMatch(page.text, /https?:/)
  for (const [, path = ''] of page.text.matchAll(/(?:href|src)="([^"#]+)"/g))
    t.equal((await nobody.call('GET', new URL(path, `${url}/reference/`).pathname)).status, 200, path)
})

t.test('what the server answers is what is told', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const app = await server.newApp()
  const customer = app.platform()
  const [ann, bob] = [app.user('ann'), app.user('bob')]
  const answered = new Set<string>()

  /** `path` with the values of its parameters after a colon: `/rooms/{id:team}`. */
  async function call(by: ApiClient, method: string, path: string, body?: unknown) {
    const name = path.replace(/\?.*/, '').replace(/\{(\w+):[^}]*\}/g, '{$1}')
    const answer = await by.call(method, path.replace(/\{\w+:([^}]*)\}/g, '$1'), body)
    const response = Object(operationOf(method, name)?.responses[answer.status])
    const { schema } = response.content?.['application/json'] ?? {}
    if (!t.ok(answer.status === 200 && schema, `${method} ${name}: ${answer.status} ${answer.text}`))
      return {}
    answered.add(`${method} ${name}`)
    const [isSo, errors] = compile(schema).Errors(JSON.parse(answer.text))
    t.ok(isSo, `${method} ${name} ${JSON.stringify(errors.slice(0, 3))}`)
    return answer.result
  }

  await call(customer, 'POST', '/admin/clients', { _id: 'ann', nickname: 'Ann', issueAccessToken: true })
  await call(customer, 'POST', '/admin/clients/list', { data: [{ _id: 'bob' }, { _id: 'cy', level: 3 }] })
  await call(customer, 'GET', '/admin/clients')
  await call(customer, 'PUT', '/admin/clients/{id:bob}/token', { token: 'of-our-own' })
  await call(customer, 'GET', '/auths/token')
  await call(customer, 'GET', '/auths/tokens')
  await call(customer, 'DELETE', '/admin/clients/{id:bob}/token', {})
  await call(customer, 'POST', '/auths/sign', { id: 'ann' })
  await call(customer, 'POST', '/auths/sign/v2', { id: 'ann' })
  await call(customer, 'GET', '/admin/app')
  await call(customer, 'PUT', '/admin/app/settings', { origins: ['https://chat.example'] })
  const key = await call(customer, 'POST', '/admin/app/keys', { kind: 'platform-key' })
  await call(customer, 'GET', '/admin/app/keys')
  const next = await call(customer, 'POST', `/admin/app/keys/{id:${key.id}}/rotate`, {})
  await call(customer, 'DELETE', `/admin/app/keys/{id:${next.id}}`)
  await call(ann, 'GET', '/me')
  await call(ann, 'POST', '/me', { nickname: 'Anne' })
  await call(ann, 'GET', '/me/badge')
  await call(ann, 'POST', '/me/subscribe', { type: 'fcm', token: 'device' })
  await call(ann, 'POST', '/me/unsubscribe', { type: 'fcm', token: 'device' })
  await call(ann, 'POST', '/me/pref/{key:theme}', { dark: true })
  await call(ann, 'GET', '/me/pref')
  await call(ann, 'GET', '/me/prefs')
  await call(ann, 'DELETE', '/me/pref/{key:theme}')
  await call(customer, 'POST', '/rooms', { _id: 'team', members: ['cy'] })
  await call(ann, 'POST', '/rooms/createAndJoin', { _id: 'hello', roomType: 'group', invitee: 'bob' })
  await call(ann, 'GET', '/rooms')
  await call(ann, 'GET', '/rooms/ids')
  await call(ann, 'GET', '/rooms/{id:hello}')
  await call(ann, 'GET', '/rooms/{id:hello}/exists')
  await call(ann, 'PUT', '/rooms/{id:hello}', { name: 'Hello' })
  await call(ann, 'POST', '/me/mute/{room:hello}')
  await call(ann, 'DELETE', '/me/mute/{room:hello}')
  await call(ann, 'POST', '/roomPrefs/{room:hello}', { sticky: true })
  await call(ann, 'GET', '/roomPrefs')
  await call(ann, 'POST', '/rooms/{id:hello}/members', { invitees: ['cy'], invitationRequired: true })
  await call(ann, 'GET', '/rooms/{id:hello}/invitations')
  await call(app.user('cy'), 'GET', '/rooms/invitations')
  await call(app.user('cy'), 'POST', '/rooms/{id:hello}/join')
  await call(ann, 'PUT', '/rooms/{id:hello}/member/{client:bob}', { property: 'role', value: 'admin' })
  const said = await call(ann, 'POST', '/rooms/{id:hello}/message', { messageType: 'text', message: 'Hello' })
  const id = `{id:${said.id}}`
  await call(bob, 'POST', '/rooms/{id:hello}/message', { messageType: 'text', message: '!', reply: said.id })
  await call(customer, 'POST', '/messages', { room: 'hello', messageType: 'text', message: 'From nobody' })
  await call(bob, 'GET', '/rooms/{id:hello}/messages/v3')
  await call(bob, 'GET', '/rooms/{id:hello}/messages')
  await call(bob, 'GET', `/rooms/{id:hello}/messages/{messageId:${said.id}}?before=1&after=1`)
  await call(bob, 'PUT', '/rooms/{id:hello}/lastRead', { message: said.id })
  await call(bob, 'POST', '/rooms/{id:hello}/typing', { message: 'He' })
  await call(bob, 'POST', `/messages/${id}/reaction`, { reaction: '👍' })
  await call(bob, 'GET', '/rooms/{id:hello}/events?after=0&afterSeq=0')
  await call(bob, 'POST', '/sync', { rooms: { hello: { seq: 0, evSeq: 0 }, none: { seq: 1, evSeq: 0 } } })
  await call(bob, 'DELETE', `/messages/${id}/reaction`)
  await call(ann, 'POST', `/messages/${id}/pin`)
  await call(ann, 'GET', '/rooms/{id:hello}/pined-messages')
  await call(ann, 'DELETE', `/messages/${id}/pin`)
  await call(ann, 'POST', `/messages/${id}/hidden`)
  await call(ann, 'DELETE', `/messages/${id}/hidden`)
  await call(ann, 'POST', '/messages/hide-by-sender-in-room', { room: 'hello', sender: 'bob' })
  await call(bob, 'POST', '/messages/user-delete', { room: 'hello', messages: [said.id] })
  await call(bob, 'GET', '/messages/user-delete?room=hello')
  await call(ann, 'DELETE', `/rooms/{id:hello}/messages/{messageId:${said.id}}`)
  await call(ann, 'POST', '/blockStatus/my/{blockee:bob}')
  await call(ann, 'GET', '/blockStatus/my')
  await call(ann, 'DELETE', '/blockStatus/my/{blockee:bob}')
  await call(ann, 'POST', '/blockStatus/room/{room:hello}/{blockee:cy}')
  await call(ann, 'GET', '/blockStatus/room/{room:hello}')
  await call(ann, 'POST', '/rooms/{id:hello}/delete/members', { members: ['cy'] })
  await call(customer, 'POST', '/admin/groups', { nickname: 'Support', members: ['ann'] })
  await call(customer, 'GET', '/admin/groups')
  await call(customer, 'POST', '/config', { announcement: { text: 'Hello' } })
  await call(ann, 'GET', '/config')
  await call(customer, 'GET', '/admin/webhooks/dead-letters')
  await call(customer, 'GET', '/admin/webhooks/deliveries')
  await call(customer, 'GET', '/admin/sockets')
  await call(customer, 'POST', '/admin/clients/{id:cy}/disable')
  await call(customer, 'POST', '/admin/clients/{id:cy}/enable')
  await call(customer, 'POST', '/admin/webhooks/secrets')
  await call(customer, 'GET', '/admin/webhooks/secrets')
  await call(ann, 'DELETE', '/rooms/{id:hello}')
  t.ok(answered.size > 70)
})
