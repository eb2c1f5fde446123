import type { IncomingMessage } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import { foldName } from '../headers/names.ts'
import type { ClientRequest } from '../upstream/client-exchange.ts'

/** 16 bytes in base64 (RFC 6455 §4.1). */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/
const PROTOCOLS = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/
const SINGLE = ['upgrade', 'sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol']

/** For Node's `shouldUpgradeCallback`: whatever is not clean is served, and refused, as a plain request. */
export const isCleanUpgrade = (req: IncomingMessage): boolean => upgradeRefusal(req) === undefined

/**
 * Why a request that asks for an upgrade gets none. Reads the raw header list: Node's own view has joined or
 * dropped duplicates already. A body would sit in `head`, where the next server could take it for frames.
 */
export function upgradeRefusal(
  req: Pick<ClientRequest, 'method' | 'rawHeaders' | 'httpVersion'>,
): ErrorCode | undefined {
  const values = new Map<string, string>()
  let connection = ''
  const { rawHeaders = [] } = req
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = foldName(rawHeaders[i] as string)
    const value = rawHeaders[i + 1] as string
    if (name === 'connection') connection += `${value},`
    else if (name === 'transfer-encoding' || name === 'expect') return 'BAD_REQUEST'
    else if (name === 'content-length' && value !== '0') return 'BAD_REQUEST'
    else if (SINGLE.includes(name)) {
      if (values.has(name)) return 'BAD_REQUEST'
      values.set(name, value)
    }
  }
  if (req.method !== 'GET') return 'METHOD_NOT_ALLOWED'
  if (req.httpVersion !== '1.1') return 'BAD_REQUEST'
  if (!hasToken(connection, 'upgrade')) return 'BAD_REQUEST'
  if (values.get('upgrade')?.toLowerCase() !== 'websocket') return 'UPGRADE_REQUIRED'
  if (values.get('sec-websocket-version') !== '13') return 'UPGRADE_REQUIRED'
  if (!KEY.test(values.get('sec-websocket-key') ?? '')) return 'BAD_REQUEST'
  const protocols = values.get('sec-websocket-protocol')
  return protocols === undefined || PROTOCOLS.test(protocols) ? undefined : 'BAD_REQUEST'
}

export const hasToken = (list: string, token: string): boolean =>
  list.split(',').some((word) => word.trim().toLowerCase() === token)
