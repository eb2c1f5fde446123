/** The public surface as OpenAPI 3.1, made from the routes. Gateway and core are one here: callers see but one. */
import { type TSchema, Type } from 'typebox'
import type { Route } from '../route.ts'
import { MAX_ID_LENGTH } from '../schemas.ts'
import { SCHEMAS } from './answers.ts'
import type { Endpoint } from './endpoint.ts'
import { ENDPOINTS } from './endpoints.ts'
import { createFailures, type Failures } from './failures.ts'
import { PARAMETERS, SECURITY, SECURITY_SCHEMES } from './surroundings.ts'

export type OpenApi = {
  openapi: '3.1.0'
  info: { title: string; version: string; description: string }
  servers: { url: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: Record<'schemas' | 'parameters' | 'responses' | 'securitySchemes', Record<string, unknown>>
}

export type Operation = {
  operationId: string
  tags: string[]
  summary: string
  security: readonly Record<string, readonly string[]>[]
  parameters: unknown[]
  requestBody?: { required: boolean; content: Record<string, { schema: TSchema; example?: unknown }> }
  responses: Record<string, unknown>
}

const DESCRIPTION = `The chat's HTTP interface. JSON goes in, \`{RC, RM, result}\` comes out; forms are read as well.
A trailing slash changes nothing. Errors have a status that is not 2xx, with \`RC\` the same number and a code to switch on.
401 means: sign in again. 403 means: not allowed, and signing in again changes nothing.
Sockets (Socket.IO, at \`/socket.io/\`) are not described here.`

const VERSION = '1'
const FORM = 'application/x-www-form-urlencoded'
const MULTIPART = 'multipart/form-data'

export function describeRoutes(routes: readonly Route[]): OpenApi {
  const failures = createFailures()
  const paths: OpenApi['paths'] = {}
  for (const [section, endpoints] of Object.entries(ENDPOINTS))
    for (const route of routes) {
      const endpoint = endpoints[`${route.method} ${route.path}`]
      if (endpoint === undefined) continue
      const path = templateOf(route.path)
      paths[path] = {
        ...paths[path],
        [route.method.toLowerCase()]: describe(route, endpoint, section, failures),
      }
    }
  return {
    openapi: '3.1.0',
    info: { title: 'Chat', version: VERSION, description: DESCRIPTION },
    servers: [{ url: '/' }],
    tags: Object.keys(ENDPOINTS).map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...SCHEMAS },
      parameters: PARAMETERS,
      responses: failures.responses,
      securitySchemes: SECURITY_SCHEMES,
    },
  }
}

/** `/files/:bucket/*` → `/files/{bucket}/{id}`. */
export const templateOf = (path: string): string => path.replace('*', ':id').replace(/:(\w+)/g, '{$1}')

function describe(route: Route, endpoint: Endpoint, section: string, failures: Failures): Operation {
  const { method, path, caller } = route
  const hasBody = !isAnything(route.body) || endpoint.parts !== undefined
  const schema = route.bare ? endpoint.result : enveloped(endpoint.result)
  return {
    operationId: operationIdOf(method, path),
    tags: [section],
    summary: endpoint.does,
    security: SECURITY[caller],
    parameters: [
      ...pathParameters(path),
      ...queryParameters(route.query),
      ...(['user', 'any', 'signed'].includes(caller) ? [parameter('ActingUser'), parameter('Device')] : []),
    ],
    ...(hasBody && { requestBody: bodyOf(route.body, endpoint) }),
    responses: {
      ...success(endpoint, schema),
      ...failures.of({ path, caller, hasBody, errors: endpoint.errors ?? [] }),
    },
  }
}

/** `POST /rooms/:id/message` → `postRoomsIdMessage`. */
const operationIdOf = (method: string, path: string): string =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')

const enveloped = (result: TSchema) => Type.Object({ RC: Type.Literal(0), RM: Type.Literal('OK'), result })

const isAnything = (schema: TSchema): boolean => Object.keys(schema).length === 0

function success({ does, sends }: Endpoint, schema: TSchema) {
  const uri = { schema: Type.String({ format: 'uri-reference' }) }
  if (sends === 'a redirection') return { 302: { description: does, headers: { Location: uri } } }
  const file = { '*/*': { schema: Type.Unsafe<unknown>({ contentMediaType: 'application/octet-stream' }) } }
  const content = { 'application/json': { schema }, ...(sends === 'a file' && file) }
  return { 200: { description: does, content } }
}

function bodyOf(schema: TSchema, { example, parts }: Endpoint) {
  if (parts !== undefined) return { required: true, content: { [MULTIPART]: { schema: parts } } }
  const content = { schema, ...(example !== undefined && { example }) }
  return {
    required: requiredOf(schema).size > 0,
    content: { 'application/json': content, [FORM]: { schema } },
  }
}

const pathParameters = (path: string) =>
  [...templateOf(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: Type.String({ maxLength: MAX_ID_LENGTH }),
  }))

function queryParameters(schema: TSchema) {
  const properties = 'properties' in schema ? (schema.properties as Record<string, TSchema>) : {}
  const required = requiredOf(schema)
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: 'query',
    ...(required.has(name) && { required: true }),
    schema: of,
  }))
}

function requiredOf(schema: TSchema): Set<unknown> {
  return new Set('required' in schema && Array.isArray(schema.required) ? schema.required : [])
}

const parameter = (name: keyof typeof PARAMETERS) => ({ $ref: `#/components/parameters/${name}` })
