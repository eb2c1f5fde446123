/** Calls to other people's servers. What they are and what they answer is not to be trusted. */
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, errors, request } from 'undici'
import { type AddressRule, createAddressRule, type PrivateUpstreams } from '#contract/outbound-address.ts'

export type OutboundReason = 'address-refused' | 'timeout' | 'unreachable' | 'answer-too-large'

export class OutboundError extends Error {
  readonly reason: OutboundReason
  constructor(reason: OutboundReason, options?: { cause?: unknown }) {
    super(`the call failed: ${reason}`, options)
    this.name = 'OutboundError'
    this.reason = reason
  }
}

export type OutboundCall = {
  method: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  /** The operator wrote the address: it may be private. */
  trusted: boolean
  timeoutMs: number
  signal?: AbortSignal | undefined
}

export type OutboundAnswer = { status: number; text: string }

export type Outbound = {
  /** A redirect is an answer like any other, never followed. @throws OutboundError */
  call(url: URL, call: OutboundCall): Promise<OutboundAnswer>
  close(): Promise<void>
}

const MAX_ANSWER_BYTES = 262_144
const CONNECT_TIMEOUT_MS = 5_000

export function createOutbound(privateUpstreams: PrivateUpstreams): Outbound {
  const rule = createAddressRule(privateUpstreams)
  const shared = { connections: 32, keepAliveTimeout: 10_000, maxResponseSize: MAX_ANSWER_BYTES }
  // Two, so that a connection kept open to an operator's address never serves anybody else's.
  const open = new Agent({ ...shared, connect: { timeout: CONNECT_TIMEOUT_MS } })
  const guarded = new Agent({
    ...shared,
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(rule) },
  })

  return {
    async call(url, { method, headers, body, trusted, timeoutMs, signal }) {
      if (!trusted && isRefusedHost(url, rule)) throw new OutboundError('address-refused')
      const limit = AbortSignal.timeout(timeoutMs)
      try {
        const answer = await request(url, {
          method,
          dispatcher: trusted ? open : guarded,
          headers: { 'user-agent': 'imkit-core', ...headers },
          ...(body !== undefined && { body }),
          signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
        })
        return { status: answer.statusCode, text: await answer.body.text() }
      } catch (error) {
        throw new OutboundError(reasonOf(error, limit), { cause: error })
      }
    },
    async close() {
      await Promise.all([open.destroy(), guarded.destroy()])
    },
  }
}

function reasonOf(error: unknown, limit: AbortSignal): OutboundReason {
  if (error instanceof errors.ResponseExceededMaxSizeError) return 'answer-too-large'
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof RefusedAddress) return 'address-refused'
  const late = error instanceof errors.ConnectTimeoutError || error instanceof errors.HeadersTimeoutError
  return limit.aborted || late ? 'timeout' : 'unreachable'
}

class RefusedAddress extends Error {}

/** Between a check of the name and the connection the name could change; so what is connected to is checked. */
function guardedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const reachable = found.filter(({ address }) => rule(address))
      const [first] = reachable
      if (first === undefined) return callback(new RefusedAddress('no address that may be called'), '')
      if (options.all) return callback(null, reachable)
      callback(null, first.address, first.family)
    })
  }
}

/** A literal address is connected to without a lookup. */
function isRefusedHost({ protocol, hostname, username, password }: URL, rule: AddressRule): boolean {
  if (!/^https?:$/.test(protocol) || username !== '' || password !== '') return true
  const host = hostname.replace(/^\[|\]$/g, '')
  return isIP(host) !== 0 && !rule(host)
}
