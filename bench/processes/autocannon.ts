import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import type { LoadFigures, LoadOrder } from '../load.ts'

// The order on stdin, the figures on stdout.

const autocannon = createRequire(import.meta.url)('autocannon')
const order: LoadOrder = JSON.parse(await text(process.stdin))
const result = await autocannon({
  url: order.url,
  connections: order.connections,
  duration: order.seconds,
  requests: order.requests,
  // Its correction invents latencies where a connection's turn came late, which at a low rate they all do at first.
  ...(order.rate && { overallRate: order.rate, ignoreCoordinatedOmission: true }),
})
const figures: LoadFigures = {
  requests: result.requests.total,
  requestsPerSecond: result.requests.total / result.duration,
  p50Ms: result.latency.p50,
  p99Ms: result.latency.p99,
  failures: result.non2xx + result.errors + result.timeouts,
}
console.log(JSON.stringify(figures))
