import type { ClientIdentity, Identity, PlatformIdentity } from '#contract/identity.ts'
import { formatTraceParent } from '#contract/trace-context.ts'
import type { Tracer, TraceSpan } from '#contract/tracer.ts'
import type { Credentials, Origin } from '../authn/authenticator.ts'
import { type ErrorCode, errorEntry, GatewayError } from '../errors.ts'
import type { Admission, Admit } from '../pipeline.ts'
import { type ExchangePacket, parseExchangePacket, rewriteConnect, rewriteEvent } from './socket-packet.ts'

/** An identity that a credential proved, and that ends with it. */
export type NamedIdentity = ClientIdentity | PlatformIdentity

export type Exchanged = {
  /** What the core gets in the packet's place. */
  text: string
  /** Who the socket is from now on; undefined = as before. */
  identity: Identity | undefined
}

export type ExchangeParts = {
  admit: Admit
  /** Counts revocations, so that an answer that was in flight during one is not believed. */
  revocations: {
    current(): number
    revokedSince(identity: NamedIdentity, count: number): boolean
  }
  lookupTimeoutMs: number
  /** Every refusal, with its cause where the machinery is broken. */
  refused(code: ErrorCode, cause?: unknown): void
  tracer?: Tracer | undefined
}

/** `undefined`: the packet is malformed, and the socket that sent it is to be closed. */
export type Exchange = (text: string, origin: Origin) => Exchanged | undefined | Promise<Exchanged>

/**
 * Takes the credentials of a packet to `admit` and gives the packet that goes on in its place. A refusal is a packet
 * too: the socket stays open, since a closed one makes shipped clients reconnect at once and without end. Never
 * throws and never rejects; broken machinery is a refusal with status 503.
 */
export function createExchange(parts: ExchangeParts): Exchange {
  const { revocations } = parts

  return (text, origin) => {
    const packet = parseExchangePacket(text)
    if (packet === undefined) return undefined
    if (packet.kind === 'foreign-connect') return { text: `40${packet.namespace},`, identity: undefined }
    if (packet.kind === 'connect' && packet.presented === undefined)
      return { text: packet.unchanged ? text : rewriteConnect(packet.rest, undefined), identity: undefined }
    const { presented } = packet
    if (presented === undefined) return undefined
    if ('refused' in presented) return refuse(packet, presented.refused)
    const count = revocations.current()
    const { tracer } = parts
    const span = tracer?.start(`socket ${packet.kind === 'event' ? packet.event : 'connect'}`, {
      kind: 'server',
    })
    const admission =
      tracer === undefined
        ? ask(presented.credentials, origin, packet.kind)
        : tracer.run(span, () => ask(presented.credentials, origin, packet.kind))
    return admission instanceof Promise
      ? within(admission).then((settled) => decide(packet, settled, count, span))
      : decide(packet, admission, count, span)
  }

  function ask(
    credentials: Credentials,
    origin: Origin,
    kind: ExchangePacket['kind'],
  ): Settled | Promise<Settled> {
    try {
      const admission = parts.admit(credentials, origin, kind === 'event' ? 'identity' : 'socket')
      return admission instanceof Promise ? admission.catch(unavailable) : admission
    } catch (error) {
      return unavailable(error)
    }
  }

  /** The lookup goes on without us: what it finds is cached for the next attempt. */
  function within(lookup: Promise<Settled>): Promise<Settled> {
    const { promise, resolve } = Promise.withResolvers<Settled>()
    const timer = setTimeout(() => resolve(unavailable('the lookup took too long')), parts.lookupTimeoutMs)
    void lookup.then((settled) => {
      clearTimeout(timer)
      resolve(settled)
    })
    return promise
  }

  function decide(
    packet: ExchangePacket,
    settled: Settled,
    count: number,
    span: TraceSpan | undefined,
  ): Exchanged {
    if (!settled.ok) return refuse(packet, settled.code, 'cause' in settled ? settled.cause : undefined, span)
    const { identity, signed } = settled
    if (identity.kind !== 'anonymous' && revocations.revokedSince(identity, count))
      return refuse(
        packet,
        identity.kind === 'platform' ? 'INVALID_API_KEY' : 'INVALID_TOKEN',
        undefined,
        span,
      )
    span?.end()
    if (packet.kind === 'event')
      return { text: rewriteEvent(packet, { identity: signed.value, ...traceOf(span) }), identity }
    return {
      text: rewriteConnect(packet.kind === 'connect' ? packet.rest : undefined, signed.value),
      identity,
    }
  }

  function refuse(
    packet: ExchangePacket,
    code: ErrorCode,
    cause?: unknown,
    span?: TraceSpan | undefined,
  ): Exchanged {
    parts.refused(code, cause)
    span?.fail(code)
    span?.end()
    const text =
      packet.kind === 'event'
        ? rewriteEvent(packet, { refused: { code, RC: errorEntry(code).status }, ...traceOf(span) })
        : rewriteConnect(packet.kind === 'connect' ? packet.rest : undefined, undefined)
    return { text, identity: undefined }
  }
}

const traceOf = (span: TraceSpan | undefined): { traceparent?: string } =>
  span === undefined ? {} : { traceparent: formatTraceParent(span.context) }

type Settled = Admission | { ok: false; code: ErrorCode; cause: unknown }

const unavailable = (cause: unknown): Settled =>
  cause instanceof GatewayError && cause.code === 'RATE_LIMIT_EXCEEDED'
    ? { ok: false, code: cause.code }
    : { ok: false, code: 'AUTHENTICATION_UNAVAILABLE', cause }
