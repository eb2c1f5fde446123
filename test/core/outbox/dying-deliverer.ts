/** Delivers webhooks until it is killed. */
import { openDeliverer } from './deliverer.ts'

const [databaseUrl = '', leaseMs = ''] = process.argv.slice(2)
await openDeliverer(databaseUrl, Number(leaseMs))
// Its loops alone would let the process end.
setInterval(() => {}, 1_000)
