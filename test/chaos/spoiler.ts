/** Stands before a server and breaks what it promises, for the suite's own tests; what it does not spoil passes as it is. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { asObject, type Json, type JsonValue } from '../support/api-client.ts'
import type { Scope } from '../support/child-process.ts'

export type Asked = { method: string; path: string; body: Json }
export type Answered = { status: number; result: Json }

/**
 * @param server Asks it, with another body where one is given.
 * @returns what to answer; undefined = what the server says.
 */
export type Spoil = (
  asked: Asked,
  server: (body?: Json) => Promise<Answered>,
) => Promise<Answered | undefined>

/** Of one hop. */
const NOT_FORWARDED = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect'])

export async function startSpoiler(t: Scope, target: string, spoil: Spoil): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(async (request, response) => {
    try {
      const bytes = new Uint8Array(await readAll(request))
      const { method = '', url: path = '' } = request
      const forward = (body: Uint8Array | string = bytes) =>
        fetch(`${new URL(target).origin}${path}`, {
          method,
          headers: Object.entries(request.headersDistinct).flatMap(([name, values = []]) =>
            NOT_FORWARDED.has(name) ? [] : values.map((value): [string, string] => [name, value]),
          ),
          ...(body.length > 0 && { body }),
        })
      const ask = async (body?: Json): Promise<Answered> => {
        const answer = await forward(body && JSON.stringify(body))
        return { status: answer.status, result: asObject(parse(await answer.text()).result) }
      }
      const spoilt = await spoil({ method, path, body: parse(Buffer.from(bytes).toString()) }, ask)
      if (spoilt !== undefined) {
        response.writeHead(spoilt.status, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ RC: spoilt.status === 200 ? 0 : spoilt.status, result: spoilt.result }))
        return
      }
      const answer = await forward()
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'text/plain',
      })
      response.end(Buffer.from(await answer.arrayBuffer()))
    } catch {
      response.destroy()
    }
  })
  server.on('upgrade', (request: IncomingMessage, client: Socket, head: Buffer) => {
    const upstream = connect({ host: '127.0.0.1', port: Number(new URL(target).port) })
    const fields = request.rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`))
    upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${fields.join('')}\r\n`)
    upstream.write(head)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {}).on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function parse(text: string): Json {
  try {
    return asObject(JSON.parse(text) as JsonValue)
  } catch {
    return {}
  }
}
