import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type Api, fieldsOf } from '../../../deploy/im/api.ts'
import { createDrive } from '../../../deploy/im/load/drive.ts'
import { gather } from '../../../deploy/im/load/people.ts'
import type { CrowdOrder } from '../drive.ts'

// `im load` in steps, each but the first after a word: `gathered`, `connected`, `figures`.

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
process.send?.({ gathered: users })
await once(process, 'message')
const driver = await createDrive(run, {
  url,
  clientKey,
  people,
  rate,
  durationMs: seconds * 1_000,
  onConnected() {},
  onProgress() {},
  stopped,
})
process.send?.({ connected: users })
await once(process, 'message')
process.send?.({ figures: await driver.run() })
driver.close()
process.disconnect()
