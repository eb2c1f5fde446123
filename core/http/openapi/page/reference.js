import { h } from './element.js'

const METHODS = ['get', 'post', 'put', 'delete']
const main = document.querySelector('main')
const state = document.querySelector('#state')
const search = document.querySelector('#search')

const code = (text) => h('code', null, text)
const heading = (text) => h('h3', null, text)
/** Words with `code` between backticks. */
const prose = (text) => h('span', null, ...text.split('`').map((part, i) => (i % 2 ? code(part) : part)))
const row = (...cells) => h('tr', null, ...cells.map((cell) => h('td', null, cell)))
const table = (rows) => h('table', null, h('tbody', null, ...rows))

/** What a reference leads to, and the name of what it leads to. */
function follow(api, value) {
  if (value?.$ref === undefined) return { value }
  const path = value.$ref.slice(2).split('/')
  return { value: path.reduce((inside, name) => inside[name], api), name: path.at(-1) }
}

/** A schema in a few words: `text`, `list of Message`, `a | b`. */
function kindOf(schema) {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const choices = schema.anyOf ?? schema.allOf
  if (choices !== undefined) return choices.map(kindOf).join(schema.anyOf ? ' | ' : ' & ')
  if (schema.type === 'array') return `list of ${kindOf(schema.items)}`
  if (schema.type === 'object')
    return schema.patternProperties ? `object of ${kindOf(valuesOf(schema))}` : 'object'
  return (
    { string: schema.format === 'date-time' ? 'time' : 'text', integer: 'whole number' }[schema.type] ??
    schema.type ??
    'anything'
  )
}

const valuesOf = (schema) => Object.values(schema.patternProperties)[0]

function limitsOf(schema) {
  const { minimum, maximum, maxLength, maxItems } = schema
  const limits = []
  if (minimum !== undefined) limits.push(`from ${minimum}`)
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) limits.push(`to ${maximum}`)
  if (maxLength !== undefined) limits.push(`at most ${maxLength} characters`)
  if (maxItems !== undefined) limits.push(`at most ${maxItems}`)
  return limits.join(', ')
}

/** The fields of an object, those of what it is made of included; undefined where it is none. */
function fieldsOf(api, given) {
  const schema = follow(api, given).value
  if (schema.allOf !== undefined)
    return Object.assign({}, ...schema.allOf.map((part) => fieldsOf(api, part) ?? {}))
  if (schema.properties === undefined || Object.keys(schema.properties).length === 0) return undefined
  const required = new Set(schema.required)
  return Object.fromEntries(
    Object.entries(schema.properties).map(([name, field]) => [name, { field, needed: required.has(name) }]),
  )
}

function schemaTable(api, schema) {
  const fields = fieldsOf(api, schema)
  if (fields === undefined) return h('p', null, code(kindOf(schema)))
  return table(
    Object.entries(fields).map(([name, { field, needed }]) => {
      const words = [kindOf(field), needed ? '' : 'optional', limitsOf(field), field.description]
        .filter(Boolean)
        .join(' · ')
      return row(code(name), prose(words))
    }),
  )
}

function callers(api, security) {
  if (security.length === 0) return h('p', null, 'Everyone.')
  const name = (scheme) => api.components.securitySchemes[scheme].name
  return h(
    'ul',
    null,
    ...security.map((needs) => h('li', null, code(Object.keys(needs).map(name).join(' + ')))),
  )
}

function curl(method, path, operation) {
  const body = operation.requestBody?.content['application/json']
  const parts = operation.requestBody?.content['multipart/form-data']?.schema.properties
  const schemes = operation.security[0] ?? {}
  const headers = {
    clientKey: '-H "IM-Client-Key: $CLIENT_KEY"',
    clientToken: '-H "IM-Authorization: $TOKEN"',
    platformKey: '-H "IM-API-KEY: $PLATFORM_KEY"',
  }
  const lines = [
    `curl "$GATEWAY${path}"${method === 'get' || (method === 'post' && (body || parts)) ? '' : ` -X ${method.toUpperCase()}`}`,
    ...Object.keys(schemes).map((scheme) => headers[scheme]),
    ...(parts ? Object.keys(parts).map((part) => `-F ${part}=…`) : []),
    ...(body ? ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(body.example ?? {})}'`] : []),
  ]
  return lines.join(' \\\n  ')
}

function answers(api, operation) {
  const result = operation.responses[200]?.content['application/json'].schema
  if (result === undefined) return [heading('Answer · 302'), prose('`Location` says where it is.')]
  const inside = result.properties?.result ?? result
  return [heading(`Answer · ${kindOf(inside)}`), schemaTable(api, inside)]
}

function failures(api, operation) {
  const rows = Object.entries(operation.responses)
    .filter(([status]) => status >= '400')
    .map(([status, response]) => row(status, follow(api, response).value.description.replaceAll('`', '')))
  return h('details', null, h('summary', null, 'Errors'), h('div', { class: 'inside' }, table(rows)))
}

function inside(api, method, path, operation) {
  const parameters = operation.parameters.map((parameter) => follow(api, parameter).value)
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  return h(
    'div',
    { class: 'inside' },
    heading('Who'),
    callers(api, operation.security),
    ...(parameters.length > 0
      ? [
          heading('Parameters'),
          table(
            parameters.map(({ name, in: where, required, schema, description }) =>
              row(
                code(name),
                prose(
                  [where, kindOf(schema), required ? '' : 'optional', limitsOf(schema), description]
                    .filter(Boolean)
                    .join(' · '),
                ),
              ),
            ),
          ),
        ]
      : []),
    ...(body ? [heading('Body'), schemaTable(api, body)] : []),
    heading('Example'),
    h('pre', null, curl(method, path, operation)),
    ...answers(api, operation),
    failures(api, operation),
  )
}

/** Filled when it is opened: the whole document at once would be long. */
function endpoint(api, method, path, operation) {
  const made = h(
    'details',
    { id: operation.operationId },
    h(
      'summary',
      null,
      h('span', { class: `method ${method}` }, method.toUpperCase()),
      code(path),
      h('span', { class: 'does' }, prose(operation.summary)),
    ),
  )
  made.dataset.text = `${method} ${path} ${operation.summary}`.toLowerCase()
  const fill = () => made.children.length > 1 || made.append(inside(api, method, path, operation))
  made.addEventListener('toggle', () => {
    if (!made.open) return
    fill()
    history.replaceState(null, '', `#${operation.operationId}`)
  })
  return made
}

function schemas(api) {
  return Object.entries(api.components.schemas).map(([name, schema]) => {
    const made = h(
      'details',
      { id: name },
      h('summary', null, code(name), h('span', { class: 'does' }, prose(schema.description ?? ''))),
    )
    made.dataset.text = name.toLowerCase()
    const parts = schema.anyOf ?? [schema]
    made.append(h('div', { class: 'inside' }, ...parts.map((part) => schemaTable(api, part))))
    return made
  })
}

function section(name, children) {
  const id = `section-${name.toLowerCase().replace(/[^a-z]+/g, '-')}`
  document.querySelector('nav').append(h('a', { href: `#${id}` }, name))
  return h('section', null, h('h2', { id }, name), ...children)
}

function show(api) {
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })),
  )
  main.append(h('p', { class: 'lead' }, prose(api.info.description)))
  for (const { name } of api.tags) {
    const own = operations.filter(({ operation }) => operation.tags.includes(name))
    if (own.length > 0)
      main.append(
        section(
          name,
          own.map(({ method, path, operation }) => endpoint(api, method, path, operation)),
        ),
      )
  }
  main.append(section('Objects', schemas(api)))
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
  let shown = 0
  for (const part of main.querySelectorAll('section')) {
    const entries = [...part.querySelectorAll(':scope > details')]
    for (const entry of entries) entry.hidden = !words.every((word) => entry.dataset.text.includes(word))
    part.hidden = entries.every((entry) => entry.hidden)
    shown += entries.filter((entry) => !entry.hidden).length
  }
  state.textContent = shown === 0 ? 'Nothing fits.' : ''
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (named instanceof HTMLDetailsElement) named.open = true
  named?.scrollIntoView()
}

search.addEventListener('input', filter)
addEventListener('hashchange', openNamed)
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === search) return
  event.preventDefault()
  search.focus()
})

try {
  const answer = await fetch('/openapi.json')
  if (!answer.ok) throw new Error(`it answered ${answer.status}`)
  show(await answer.json())
  state.textContent = ''
  openNamed()
} catch (error) {
  state.textContent = `The reference could not be read: ${error.message}. Load the page again.`
}
