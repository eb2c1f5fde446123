import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asObject, type JsonValue } from '../support/api-client.ts'
import type { Scope } from '../support/child-process.ts'
import type { WebhookCall } from './history.ts'
import type { Random } from './random.ts'

export type WebhookReceiver = { url: string; calls: WebhookCall[] }

const REFUSED_SHARE = 0.05

/** A customer's server that now and then fails. */
export async function startWebhookReceiver(t: Scope, random: Random): Promise<WebhookReceiver> {
  const calls: WebhookCall[] = []
  const server = createServer((request, response) => {
    void readText(request).then(
      (text) => {
        const accepted = !random.chance(REFUSED_SHARE)
        const { eventID, roomID, event, data } = asObject(JSON.parse(text) as JsonValue)
        if (event === 'MESSAGE')
          calls.push({
            room: String(roomID),
            eventId: String(eventID),
            messageId: String(asObject(data)._id),
            accepted,
            atMs: Date.now(),
          })
        response.writeHead(accepted ? 200 : 503).end()
      },
      () => response.destroy(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, calls }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
