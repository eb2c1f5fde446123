import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ServiceRequest = {
  method: string | undefined
  url: string | undefined
  body: string
  headers: IncomingMessage['headers']
}
export type Respond = (request: ServiceRequest, response: ServerResponse) => void

/** A customer's server over real HTTP: an auth service, a key set, or something that only pretends to be one. */
export type AuthService = {
  url: string
  port: number
  requests: ServiceRequest[]
  /** Replaceable at any time. */
  respond: Respond
  stop(): Promise<void>
  restart(): Promise<void>
}

export async function startAuthService(
  t: { teardown(end: () => unknown): unknown },
  respond: Respond,
): Promise<AuthService> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method, url, headers } = request
    const asked = { method, url, headers, body }
    service.requests.push(asked)
    service.respond(asked, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const service: AuthService = {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: [],
    respond,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
    async restart() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return service
}

export const answerJson =
  (body: unknown, status = 200): Respond =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

/** Knows tokens of the form `token-of-<id>`. */
export const answerByToken: Respond = (request, response) => {
  const { token } = JSON.parse(request.body)
  const [, id] = /^token-of-(.+)$/.exec(token) ?? []
  answerJson(id === undefined ? { message: 'no', error: 'no' } : { id }, id === undefined ? 401 : 200)(
    request,
    response,
  )
}
