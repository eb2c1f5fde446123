import { connect, type Socket } from 'node:net'
import type { Origin } from '../authn/authenticator.ts'
import { type ErrorCode, errorEntry, GatewayError } from '../errors.ts'
import { replyErrorRaw } from '../http/error-reply.ts'
import type { RequestTrace } from '../observe/request-traces.ts'
import { readBuffer } from '../read-into.ts'
import type { TunnelOutcome, UpstreamTarget } from '../upstream/pool.ts'
import { relayedFields } from '../upstream/response-fields.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { CLOSES } from './close-reason.ts'
import type { NamedIdentity } from './exchange.ts'
import {
  AnswerReader,
  type Handshake,
  type HandshakeAnswer,
  writeAccepted,
  writeHandshake,
} from './handshake.ts'
import type { Live } from './registry.ts'
import { Tunnel, type TunnelParts } from './tunnel.ts'

export type OpeningParts = TunnelParts & {
  /** @throws GatewayError NO_UPSTREAM */
  pick(wish: { nodeId: string | undefined }): UpstreamTarget
  refused(code: ErrorCode, cause?: unknown): void
}

/** Who hears a core: first the opening, then the tunnel. So a live tunnel keeps nothing of its opening alive. */
type Ear = { listener: { fromCore(bytes: Buffer, length: number): void } }

export type OpeningRequest = {
  client: Socket
  /** What the client sent behind its request, without waiting. */
  head: Buffer
  handshake: Handshake
  nodeId: string | undefined
  /** The long-polling session that upgrades. */
  sid: string | undefined
  identity: NamedIdentity | undefined
  origin: Origin
  /** For answers other than 101. */
  responseFields: readonly string[]
  trace: RequestTrace | undefined
}

/** How long a client may take to read the answer to a failed upgrade. */
const ANSWER_READ_MS = 5_000

/**
 * Opens the way to a core and answers the client only when the core's 101 is verified. Until then nothing of what
 * the client sends goes to the core, and what it sends is bounded. Any other answer is relayed, and both are closed.
 */
export function openTunnel(request: OpeningRequest, parts: OpeningParts): void {
  const { client, handshake, origin, responseFields, trace } = request
  const { limits, registry } = parts
  const early: Buffer[] = []
  let earlyBytes = 0
  let core: Socket | undefined
  let target: UpstreamTarget | undefined
  let reader: AnswerReader | undefined
  let isOver = false
  let timer: NodeJS.Timeout | undefined

  const ear: Ear = {
    listener: {
      fromCore(bytes, length) {
        if (core !== undefined) settle(reader?.read(bytes.subarray(0, length)), core)
      },
    },
  }
  const live: Live = {
    identity: undefined,
    address: origin.address,
    sinceMs: parts.clock(),
    sid: request.sid,
    close: (reason) => fail(CLOSES[reason].error, 'abandoned'),
    sweep: () => undefined,
  }

  client.on('error', onClientGone).on('end', onClientGone).on('close', onClientGone)
  const refusal = registry.add(live, request.identity)
  if (refusal !== undefined) {
    fail(refusal, 'abandoned')
    return
  }
  timer = setTimeout(() => fail('UPSTREAM_TIMEOUT', 'timeout'), limits.handshakeTimeoutMs)
  onEarly(request.head)
  if (isOver) return
  client.on('data', onEarly)
  attempt(request.nodeId === undefined ? 2 : 1)

  function onEarly(chunk: Buffer): void {
    early.push(chunk)
    earlyBytes += chunk.length
    if (earlyBytes > limits.maxEarlyBytes) fail('BAD_REQUEST', 'abandoned')
  }

  function onClientGone(): void {
    if (isOver) return
    trace?.end(0)
    finish('abandoned')
    client.destroy()
  }

  /** Another core is tried where no connection comes about: it has been sent nothing. */
  function attempt(attempts: number): void {
    reader = new AnswerReader(handshake, {
      maxHeadBytes: limits.maxAnswerHeadBytes,
      maxBodyBytes: limits.maxAnswerBodyBytes,
    })
    let isConnected = false
    let text: string
    try {
      text = writeHandshake(handshake)
      target = parts.pick({ nodeId: request.nodeId })
    } catch (error) {
      fail(error instanceof GatewayError ? error.code : 'INTERNAL', 'abandoned', error)
      return
    }
    const socket = connectTo(target, ear)
    core = socket
    socket.once('connect', () => {
      isConnected = true
      socket.write(text, 'latin1')
    })
    socket.on('end', onCoreEnd)
    socket.on('error', (error) => {
      if (isOver) return
      if (isConnected) fail('BAD_UPSTREAM', 'failed', error)
      else if (attempts > 1) {
        target?.release('unreachable')
        attempt(attempts - 1)
      } else fail('NO_UPSTREAM', 'unreachable', error)
    })
    // Destroyed without an error: by nobody but us, or by a reset that Node does not report.
    socket.on('close', () => {
      if (core === socket) fail('BAD_UPSTREAM', 'failed')
    })
  }

  function onCoreEnd(): void {
    if (core !== undefined) settle(reader?.finish(), core)
  }

  function settle(answer: HandshakeAnswer | undefined, socket: Socket): void {
    if (isOver || answer === undefined) return
    if (answer.kind === 'accepted') accept(answer, socket)
    else if (answer.kind === 'refused') relay(answer.head, answer.body)
    else fail('BAD_UPSTREAM', 'failed')
  }

  function accept(answer: { protocol: string | undefined; rest: Buffer }, socket: Socket): void {
    if (target === undefined) return
    isOver = true
    trace?.end(101)
    clearTimeout(timer)
    client.off('data', onEarly).off('error', onClientGone).off('end', onClientGone).off('close', onClientGone)
    // Not all listeners: Node has one of its own on `end`.
    socket.off('end', onCoreEnd)
    for (const event of ['connect', 'error', 'close']) socket.removeAllListeners(event)
    const tunnel = new Tunnel(client, socket, target, origin, request.sid, parts)
    ear.listener = tunnel
    registry.replace(live, tunnel)
    // A spread of closes that began before may still hold this object.
    live.close = (reason) => tunnel.close(reason)
    client.write(writeAccepted(handshake.key, answer.protocol))
    tunnel.start(answer.rest, Buffer.concat(early))
  }

  function relay(head: ResponseHead, body: Buffer): void {
    trace?.end(head.status)
    finish('answered')
    const fields = relayedFields(head, responseFields)
    if (head.framing !== 'none') fields.push('Content-Length', `${body.length}`)
    fields.push('Connection', 'close')
    let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
    client.write(`${text}\r\n`, 'latin1')
    client.end(body, () => client.destroy())
  }

  function fail(code: ErrorCode, outcome: TunnelOutcome, cause?: unknown): void {
    if (isOver) return
    trace?.failed(code)
    trace?.end(errorEntry(code).status)
    finish(outcome)
    parts.refused(code, cause)
    replyErrorRaw(client, code, responseFields)
  }

  /** Once: the core is let go, and the client only gets an answer any more. */
  function finish(outcome: TunnelOutcome): void {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    registry.remove(live)
    core?.destroy()
    target?.release(outcome)
    client.removeListener('data', onEarly).resume()
    client.setTimeout(ANSWER_READ_MS, () => client.destroy())
  }
}

/** Reading into one buffer spares 64 KB, and the machinery of streams, at each read. */
function connectTo({ host, port }: UpstreamTarget, ear: Ear): Socket {
  const callback = (length: number): boolean => {
    ear.listener.fromCore(readBuffer, length)
    return true
  }
  return connect({ host, port, allowHalfOpen: true, noDelay: true, onread: { buffer: readBuffer, callback } })
}
