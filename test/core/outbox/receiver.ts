import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Scope } from '../../support/child-process.ts'
import { eventually } from '../../support/eventually.ts'

export type Received = {
  method: string
  path: string
  headers: IncomingHttpHeaders
  text: string
  body: Json
}
export type Json = { [key: string]: JsonValue }
type JsonValue = string | number | boolean | null | undefined | JsonValue[] | Json

export type Reply = { status?: number; headers?: Record<string, string>; body?: string | object }

export type Receiver = {
  url: string
  received: Received[]
  /** Waits until so many have come, and answers them. */
  come(count: number): Promise<Received[]>
  /** How the next ones are answered. */
  answer: (request: Received, index: number) => Reply | Promise<Reply>
}

/** A customer's server: takes what comes and answers as it is told. */
export async function startReceiver(t: Scope, answer: Receiver['answer'] = () => ({})): Promise<Receiver> {
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', async () => {
      const { method = '', url: path = '', headers } = request
      const got: Received = { method, path, headers, text, body: parse(text) }
      receiver.received.push(got)
      const reply = await receiver.answer(got, receiver.received.length - 1)
      const body = typeof reply.body === 'object' ? JSON.stringify(reply.body) : (reply.body ?? '')
      response.writeHead(reply.status ?? 200, reply.headers).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer,
    async come(count) {
      await eventually(`${count} requests have come`, () => receiver.received.length >= count)
      return receiver.received
    },
  }
  return receiver
}

function parse(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Json) : {}
  } catch {
    return {}
  }
}
