import type { Socket } from 'node:net'
import type { Afterwards } from '../afterwards.ts'
import type { Origin } from '../authn/authenticator.ts'
import { addToBatch, type BatchWork } from '../batch.ts'
import { readBuffer, readInto } from '../read-into.ts'
import { TextWriter } from '../text-writer.ts'
import type { UpstreamTarget } from '../upstream/pool.ts'
import { CLOSES, type CloseReason } from './close-reason.ts'
import type { Exchange, Exchanged, NamedIdentity } from './exchange.ts'
import { FrameBoundary } from './frame-header.ts'
import { FrameScanner, type ScannerSink } from './frame-scanner.ts'
import { encodeCloseFrame, encodeTextFrame } from './frames.ts'
import type { TunnelLimits } from './limits.ts'
import type { Live, Registry } from './registry.ts'

/** What all tunnels share. */
export type TunnelParts = {
  exchange: Exchange
  registry: Registry
  limits: TunnelLimits
  clock: () => number
  /** Where a closed tunnel leaves its core. */
  leaving: Afterwards<Tunnel>
}

const TUNNEL = Symbol('tunnel')
type Leg = Socket & { [TUNNEL]?: Tunnel | undefined }

/** More is relayed at once: it is worth its own time, and a copy. */
const MAX_BATCHED_BYTES = 8_192

/**
 * A live tunnel: core → client raw, client → core through the scanner. There are many of these and most are idle, so
 * each is a few objects, with no timer, no closure and no buffer of its own while nothing happens.
 */
export class Tunnel implements ScannerSink, Live, BatchWork {
  identity: NamedIdentity | undefined
  readonly sinceMs: number
  readonly sid: string | undefined
  #origin: Origin
  readonly #client: Leg
  readonly #core: Leg
  readonly #clientWriter: TextWriter
  readonly #coreWriter: TextWriter
  readonly #parts: TunnelParts
  readonly #scanner: FrameScanner
  readonly #toClient = new FrameBoundary()
  readonly #target: UpstreamTarget
  #state: 'open' | 'closing' | 'closed' = 'open'
  /**
   * What leaves with the batch (latin-1: a character a byte). Copies would be memory outside of V8's heap, of which so
   * much would come together that V8 went through the whole heap every few seconds.
   */
  #forCore = ''
  #forClient = ''
  /** A lookup is under way: nothing of the client's may overtake it. */
  #isWaiting = false
  #isHalfClosed = false
  #refusals = 0
  /** Bytes have come since the last sweep; so the data path needs no clock. */
  #isTouched = true
  #quietSinceMs: number
  #stalledSinceMs: number | undefined
  #closing: NodeJS.Timeout | undefined

  constructor(
    client: Socket,
    core: Socket,
    target: UpstreamTarget,
    origin: Origin,
    sid: string | undefined,
    parts: TunnelParts,
  ) {
    this.#client = client
    this.#core = core
    this.#clientWriter = new TextWriter(client)
    this.#coreWriter = new TextWriter(core)
    this.#origin = origin
    this.sid = sid
    this.#parts = parts
    this.#target = target
    this.#scanner = new FrameScanner(this, parts.limits)
    this.sinceMs = parts.clock()
    this.#quietSinceMs = this.sinceMs
  }

  get address(): string {
    return this.#origin.address
  }

  /** Begins to relay, first what came with the handshake. */
  start(fromCore: Buffer, fromClient: Buffer): void {
    const client = this.#client
    const core = this.#core
    client[TUNNEL] = this
    core[TUNNEL] = this
    client.on('drain', onClientDrain).on('end', onClientEnd).on('close', onClientClose).on('error', ignore)
    core.on('drain', onCoreDrain).on('end', onCoreEnd).on('close', onCoreClose).on('error', ignore)
    if (fromCore.length > 0) this.fromCore(fromCore)
    const isRead = readInto(client, (length) => {
      this.fromClient(readBuffer, length)
      return true
    })
    if (!isRead) client.on('data', onClientData)
    readInto(core, (length) => {
      this.fromCore(readBuffer, length)
      return true
    })
    if (fromClient.length > 0) this.fromClient(fromClient)
  }

  /** @param bytes the first `length` of them, valid during the call only, like those of `fromCore` */
  fromClient(bytes: Buffer, length = bytes.length): void {
    this.#isTouched = true
    if (this.#state === 'open') this.#scanner.push(bytes, length)
  }

  fromCore(bytes: Buffer, length = bytes.length): void {
    this.#isTouched = true
    if (this.#state !== 'open') return
    this.#toClient.follow(bytes, length)
    if (length <= MAX_BATCHED_BYTES) {
      this.#wait()
      this.#forClient += bytes.toString('latin1', 0, length)
    } else {
      this.proceed()
      if (!this.#client.write(Buffer.from(bytes.subarray(0, length)))) this.#core.pause()
    }
  }

  pass(bytes: Buffer, start: number, end: number): void {
    if (this.#state !== 'open') return
    if (end - start <= MAX_BATCHED_BYTES) {
      this.#wait()
      this.#forCore += bytes.toString('latin1', start, end)
    } else {
      this.proceed()
      if (!this.#core.write(Buffer.from(bytes.subarray(start, end)))) this.#client.pause()
    }
  }

  #wait(): void {
    if (this.#forCore === '' && this.#forClient === '') addToBatch(this)
  }

  /** Writes what waits for the batch, if that has not been done. */
  proceed(): void {
    const forCore = this.#forCore
    const forClient = this.#forClient
    this.#forCore = ''
    this.#forClient = ''
    if (forCore !== '' && !this.#coreWriter.write(forCore)) this.#client.pause()
    if (forClient !== '' && !this.#clientWriter.write(forClient)) this.#core.pause()
  }

  packet(payload: Buffer): boolean {
    const exchanged = this.#parts.exchange(payload.toString(), this.#origin)
    if (exchanged instanceof Promise) {
      this.#isWaiting = true
      this.#client.pause()
      void exchanged.then((settled) => this.#goOn(settled))
      return false
    }
    if (exchanged === undefined) this.close('forbidden-packet')
    else this.#replace(exchanged)
    return this.#state === 'open'
  }

  violate(code: 1002 | 1008 | 1009): void {
    this.close(code === 1002 ? 'protocol-violation' : code === 1008 ? 'forbidden-packet' : 'too-large')
  }

  #goOn(exchanged: Exchanged): void {
    if (this.#state !== 'open') return
    this.#isWaiting = false
    this.#replace(exchanged)
    this.#scanner.resume()
    this.mayReadClient()
  }

  #replace({ text, identity }: Exchanged): void {
    if (identity?.kind === 'anonymous') this.#origin = { ...this.#origin, app: identity.app }
    else if (identity !== undefined) this.#parts.registry.bind(this, identity)
    const frame = encodeTextFrame(text)
    this.pass(frame, 0, frame.length)
    this.#refusals = identity === undefined ? this.#refusals + 1 : 0
    if (this.#refusals > this.#parts.limits.maxRefusals) this.close('forbidden-packet')
  }

  mayReadClient(): void {
    if (this.#state !== 'open' || (!this.#isWaiting && !this.#coreWriter.needsDrain)) this.#client.resume()
  }

  mayReadCore(): void {
    this.#core.resume()
  }

  clientEnded(): void {
    this.proceed()
    this.#isHalfClosed = true
    this.#core.end()
  }

  coreEnded(): void {
    this.proceed()
    this.#isHalfClosed = true
    this.#client.end()
  }

  /** What the one side wrote before it went still goes to the other. */
  legClosed(other: 'client' | 'core'): void {
    this.proceed()
    const leg = other === 'client' ? this.#client : this.#core
    if (leg.destroyed) this.#end()
    else if (other === 'core' || this.#state === 'open') leg.destroySoon()
  }

  sweep(nowMs: number): void {
    if (this.#state !== 'open') return
    const { limits } = this.#parts
    if (this.#isTouched) this.#quietSinceMs = nowMs
    this.#isTouched = false
    const isStalled =
      this.#clientWriter.unsentBytes > limits.stalledBytes ||
      this.#coreWriter.unsentBytes > limits.stalledBytes
    this.#stalledSinceMs = isStalled ? (this.#stalledSinceMs ?? nowMs) : undefined
    // A close frame would only join the bytes that nobody reads.
    if (this.#stalledSinceMs !== undefined && nowMs - this.#stalledSinceMs >= limits.stalledMs) this.#cut()
    else if (nowMs - this.#quietSinceMs >= (this.#isHalfClosed ? limits.halfClosedMs : limits.idleMs))
      this.close('idle')
  }

  close(reason: CloseReason): void {
    if (this.#state !== 'open') return
    // It was all right when it came, and the client's frames are followed to its end.
    this.proceed()
    this.#state = 'closing'
    const { code, text } = CLOSES[reason]
    if (this.#client.writableEnded || !this.#toClient.open) this.#client.end()
    else this.#client.end(encodeCloseFrame(code, text))
    // What still comes is read and dropped, so that both ends are seen.
    this.#client.resume()
    // Where thousands end at once, all clients go first.
    this.#parts.leaving.add(this)
  }

  leaveCore(): void {
    if (this.#state === 'closed') return
    this.#core.end()
    this.#core.resume()
    this.#closing = setTimeout(() => this.#cut(), this.#parts.limits.closingMs).unref()
  }

  #cut(): void {
    this.#client.destroy()
    this.#core.destroy()
  }

  #end(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#closing)
    this.#client[TUNNEL] = undefined
    this.#core[TUNNEL] = undefined
    this.#parts.registry.remove(this)
    this.#target.release('answered')
  }
}

function onClientData(this: Leg, chunk: Buffer): void {
  this[TUNNEL]?.fromClient(chunk)
}
function onClientDrain(this: Leg): void {
  this[TUNNEL]?.mayReadCore()
}
function onCoreDrain(this: Leg): void {
  this[TUNNEL]?.mayReadClient()
}
function onClientEnd(this: Leg): void {
  this[TUNNEL]?.clientEnded()
}
function onCoreEnd(this: Leg): void {
  this[TUNNEL]?.coreEnded()
}
function onClientClose(this: Leg): void {
  this[TUNNEL]?.legClosed('core')
}
function onCoreClose(this: Leg): void {
  this[TUNNEL]?.legClosed('client')
}
/** `close` follows every error. */
function ignore(): void {}
