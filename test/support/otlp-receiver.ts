import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Scope } from './child-process.ts'

export type ReceivedSpan = {
  service: string
  name: string
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  kind: number
  failed: boolean
  attributes: Record<string, unknown>
  links: { traceId: string; spanId: string }[]
}

export type OtlpReceiver = {
  url: string
  spans(): ReceivedSpan[]
  /** All that has come, as it came, headers included. */
  raw(): string
}

/** A collector as far as it takes spans: OTLP over HTTP, as JSON. */
export async function startOtlpReceiver(t: Scope): Promise<OtlpReceiver> {
  const bodies: string[] = []
  const heads: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    heads.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`)
    if (request.method === 'POST' && request.url === '/v1/traces') bodies.push(body)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => bodies.flatMap((body) => readSpans(JSON.parse(body))),
    raw: () => [...heads, ...bodies].join('\n'),
  }
}

type Attribute = { key: string; value: Record<string, unknown> }
type Sent = {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: {
      spans: {
        name: string
        traceId: string
        spanId: string
        parentSpanId?: string
        kind: number
        status?: { code?: number }
        attributes: Attribute[]
        links?: { traceId: string; spanId: string }[]
      }[]
    }[]
  }[]
}

const valuesOf = (attributes: Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

function readSpans({ resourceSpans }: Sent): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: String(valuesOf(resource.attributes)['service.name']),
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        kind: span.kind,
        failed: span.status?.code === 2,
        attributes: valuesOf(span.attributes),
        links: span.links ?? [],
      })),
    ),
  )
}
