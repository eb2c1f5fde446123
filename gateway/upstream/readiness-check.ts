import { type ConnectionParts, UpstreamConnection } from './connection.ts'
import type { CheckResult } from './health.ts'
import type { ResponseHead } from './response-head.ts'

/**
 * One `GET /readyz` on a connection of its own, so that it tells whether one can be made. A server that does not
 * know the address (404) is alive and taken to be ready: any HTTP server may stand there.
 *
 * @param onResult is called once; never after the connection that is returned has been destroyed by the caller
 */
export function checkReadiness(
  address: { host: string; port: number; authority: string },
  parts: ConnectionParts,
  onResult: (result: CheckResult, nodeId: string | undefined) => void,
): UpstreamConnection {
  const settings = { ...parts.settings, headTimeoutMs: parts.settings.checkTimeoutMs }
  const owner = { onHead() {}, onFailure() {}, onIdle() {}, onClosed() {} }
  const connection = new UpstreamConnection(address, owner, { ...parts, settings })
  const exchange = {
    onHead(head: ResponseHead) {
      connection.destroy()
      onResult(resultOf(head.status), head.nodeId)
    },
    onBody() {},
    onEnd() {},
    onWritable() {},
    onFailure() {
      onResult('failed', undefined)
    },
  }
  const text = `GET /readyz HTTP/1.1\r\nHost: ${address.authority}\r\nConnection: close\r\n\r\n`
  connection.start(exchange, text, { toHead: false, more: false })
  return connection
}

function resultOf(status: number): CheckResult {
  if (status === 503) return 'unready'
  return status < 500 ? 'ready' : 'failed'
}
