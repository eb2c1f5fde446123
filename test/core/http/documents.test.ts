/** What every document of every answer has, whichever endpoint says it: both ids, each date twice, no `data` of its own. */
import t from 'tap'
import { routes } from '../../../core/http/routes.ts'
import { startContractServer } from '../../contract/server.ts'
import type { Json, JsonValue } from '../../support/api-client.ts'
import { requestOf, sendRequest } from './endpoint-requests.ts'
import { createCopier, furnish } from './scene.ts'

const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function* faultsOf(value: JsonValue, path: string): Generator<string> {
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* faultsOf(item, `${path}[${index}]`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  if ('_id' in value && value._id !== value.id) yield `${path}: _id ${value._id}, id ${value.id}`
  if ('_id' in value && 'data' in value) yield `${path}: a document with "data"`
  for (const [name, inner] of Object.entries(value)) {
    const at = `${path}.${name}`
    if (typeof inner === 'string' && ISO_DATE.test(inner) && !(`${name}MS` in value) && !isPair(value, name))
      yield `${at}: no ${name}MS`
    if (/[a-z]MS$/.test(name) && !Number.isInteger(inner)) yield `${at}: ${inner}`
    const date = value[name.replace(/MS$/, '')]
    if (name.endsWith('MS') && typeof date === 'string' && Date.parse(date) !== inner) yield `${at}: ${date}`
    yield* faultsOf(inner, at)
  }
}

/** The figures of usage have names of their own. */
const isPair = (value: Json, name: string): boolean => `${name}Time` in value

t.test('every document has its id twice, its dates twice, and no data', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const template = await server.newApp()
  const ids = await furnish(template)
  const copy = await createCopier(server.chat.db)
  let documents = 0
  for (const { method, path, caller } of routes) {
    // Told as the operators' port tells it.
    if (path.startsWith('/admin/app')) continue
    const app = await server.newApp()
    await copy(template.app, app.app)
    const client = caller === 'platform' || caller === 'sandbox' ? app.platform() : app.user('owner')
    const answer = await sendRequest(client, method, requestOf(`${method} ${path}`, ids))
    documents += answer.text.split('"_id"').length - 1
    t.same([...faultsOf(answer.body.result, 'result')], [], `${method} ${path}`)
  }
  t.ok(documents > 100, `${documents} documents`)
})
