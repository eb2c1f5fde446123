/**
 * Calls to addresses that customers configure: their auth services and key sets. They lead nowhere but to the URL
 * given, and that to no private address; they follow no redirect, inflate nothing, and end in time and size.
 */
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent } from 'undici'
import { type AddressRule, createAddressRule, type PrivateUpstreams } from '#contract/outbound-address.ts'

export type OutboundRequest = {
  method: 'GET' | 'POST'
  url: string
  /** JSON. */
  body?: string
  /** For all of it: name, connection, answer. */
  timeoutMs: number
  /** The deployment's own URL may lead to any address. */
  isDeployments: boolean
}

/** `text` is that of a 200; of other answers only the status is looked at. */
export type OutboundAnswer = { status: number; text: string }

export type Outbound = {
  /** @throws Error where there is no whole answer. Its message never quotes the URL, which may hold a secret. */
  request(request: OutboundRequest): Promise<OutboundAnswer>
  close(): Promise<void>
}

const MAX_ANSWER_BYTES = 65_536
const CONNECTIONS_PER_ORIGIN = 16

export function createOutbound(privateUpstreams: PrivateUpstreams): Outbound {
  const rule = createAddressRule(privateUpstreams)
  const common = { connections: CONNECTIONS_PER_ORIGIN, maxResponseSize: MAX_ANSWER_BYTES }
  // Two, so that a connection kept open to the deployment's own service never serves an app's request.
  const guarded = new Agent({ ...common, connect: { lookup: createGuardedLookup(rule) } })
  const unguarded = new Agent(common)

  return {
    async request({ method, url, body, timeoutMs, isDeployments }) {
      const { origin, hostname, pathname, search, protocol } = new URL(url)
      if (protocol !== 'https:' && protocol !== 'http:') throw new Error('neither http nor https')
      // A literal is connected to without a lookup.
      const literal = hostname.replace(/^\[|\]$/g, '')
      if (!isDeployments && isIP(literal) !== 0 && !rule(literal)) throw new ForbiddenAddressError()
      const answer = await (isDeployments ? unguarded : guarded).request({
        origin,
        path: pathname + search,
        method,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        body: body ?? null,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const { statusCode: status, headers } = answer
      if (status !== 200) {
        answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => {})
        return { status, text: '' }
      }
      const encoding = headers['content-encoding']
      if (encoding !== undefined && encoding !== 'identity') {
        answer.body.on('error', () => {}).destroy()
        throw new Error('the answer is compressed')
      }
      return { status, text: await answer.body.text() }
    },

    async close() {
      await Promise.all([guarded.destroy(), unguarded.destroy()])
    },
  }
}

class ForbiddenAddressError extends Error {
  constructor() {
    super('the URL leads to an address that apps may not call')
    this.name = 'ForbiddenAddressError'
  }
}

/** Between a check of the name and the connection the name could change; so what is connected to is checked. */
function createGuardedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const reachable = found.filter(({ address }) => rule(address))
      const [first] = reachable
      if (first === undefined) return callback(new ForbiddenAddressError(), '')
      if (options.all) return callback(null, reachable)
      callback(null, first.address, first.family)
    })
  }
}
