import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type Api, fieldsOf } from '../../../deploy/im/api.ts'
import { createDrive } from '../../../deploy/im/load/drive.ts'
import { gather } from '../../../deploy/im/load/people.ts'
import { connectAll } from '../../../deploy/im/load/sockets.ts'
import type { CrowdOrder } from '../drive.ts'

// `im load`, in parts: `ready` when everybody is connected, `go`, the figures.

const order: CrowdOrder = JSON.parse(process.argv[2] ?? '')
const { url, clientKey, platformKey, users, rate, seconds } = order
const api: Api = {
  async call(method, path, body) {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        'im-api-key': platformKey,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
    return fieldsOf(fieldsOf(await answer.json()).result)
  },
}
const silent = { at() {}, end() {} }
const stopped = new AbortController().signal
const run = randomBytes(4).toString('hex')
const { people } = await gather(api, run, users, silent)
const driver = createDrive(run, {
  url,
  clientKey,
  people,
  rate,
  durationMs: seconds * 1_000,
  onProgress() {},
  stopped,
})
const sockets = await connectAll({
  url,
  clientKey,
  people,
  onMessage: (_person, { text }) => driver.delivered(text),
  onConnected() {},
  stopped,
})
process.send?.({ ready: users })
await once(process, 'message')
const { sends, deliveries, sent, refused, expected } = await driver.run()
const delivery = deliveries.quantiles()
process.send?.({
  figures: {
    sent,
    refused,
    send: sends.quantiles(),
    delivery,
    lost: Math.max(0, expected - delivery.count),
    socketsLost: sockets.lost(),
  },
})
sockets.close()
process.disconnect()
