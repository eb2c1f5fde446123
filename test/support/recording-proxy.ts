import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Scope } from './child-process.ts'

export type PassedRequest = { method: string; url: string; body: string }

export type RecordingProxy = {
  url: string
  /** Whole requests, in order of arrival. */
  passed: PassedRequest[]
}

/** Stands between a gateway and the core's internal API, and counts what passes. */
export async function startRecordingProxy(t: Scope, target: string): Promise<RecordingProxy> {
  const passed: PassedRequest[] = []
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = []
    incoming.on('data', (part: Buffer) => parts.push(part))
    incoming.on('end', () => {
      const { method = 'GET', url = '/' } = incoming
      const body = Buffer.concat(parts)
      passed.push({ method, url, body: body.toString() })
      const outgoing = request(new URL(url, target), { method, headers: incoming.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      outgoing.on('error', () => response.destroy())
      response.on('close', () => outgoing.destroy())
      outgoing.end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, passed }
}
