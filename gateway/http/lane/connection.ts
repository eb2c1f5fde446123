import type { Socket } from 'node:net'
import { addToBatch, type BatchWork } from '../../batch.ts'
import { LineMemory } from '../../headers/field-lines.ts'
import { requestLines } from '../../headers/normalise.ts'
import { readBuffer, readByStream, readInto } from '../../read-into.ts'
import { TextWriter } from '../../text-writer.ts'
import type { ClientRequest, ClientResponse } from '../../upstream/client-exchange.ts'
import { type LaneRequest, parseLaneRequest } from './request.ts'
import { LaneResponse, type ResponseParts } from './response.ts'

export type LaneConnectionParts = ResponseParts & {
  /** Whether requests to a path may be answered here. */
  takes(path: string): boolean
  serve(req: ClientRequest, res: ClientResponse): void
  answered(status: number, seconds: number): void
  /** `node:http` goes on with the connection, from these bytes. */
  handOver(connection: LaneConnection, received: string): void
  onClosed(connection: LaneConnection): void
  clock(): number
  isDraining: boolean
  isClosingIdle: boolean
}

/**
 * One connection of the fast lane: one request at a time, each in one piece. The first thing that is anything else
 * goes to `node:http`, with the rest of the connection: a head in two pieces, a long body, a pipelined request. So
 * whatever takes time, or needs a limit, is waited for there.
 */
export class LaneConnection implements BatchWork {
  readonly socket: Socket
  /** When it last began to wait for a request. */
  idleSinceMs: number
  hasServed = false
  readonly #parts: LaneConnectionParts
  readonly #writer: TextWriter
  readonly #peer: ClientRequest['socket']
  readonly #memory = new LineMemory(requestLines)
  #response: LaneResponse | undefined
  #startedMs = 0
  /** What waits for its turn in the batch (latin-1: a character a byte). */
  #arrived: string | undefined
  /** What came while an answer was due. */
  #early: string | undefined

  constructor(socket: Socket, parts: LaneConnectionParts) {
    this.socket = socket
    this.#parts = parts
    this.#writer = new TextWriter(socket)
    this.#peer = { remoteAddress: socket.remoteAddress, bytesRead: 0, encrypted: 'encrypted' in socket }
    this.idleSinceMs = parts.clock()
    const isRead = readInto(socket, (length) => this.#onRead(readBuffer.toString('latin1', 0, length)))
    if (!isRead) socket.on('data', this.#onData)
    socket
      .on('end', this.#onGone)
      .on('error', this.#onGone)
      .on('close', this.#onClose)
      .on('drain', this.#onDrain)
  }

  get isIdle(): boolean {
    return this.#response === undefined && this.#arrived === undefined
  }

  /** Leaves the socket as it was found. */
  release(): void {
    readByStream(this.socket)
    this.socket
      .off('data', this.#onData)
      .off('end', this.#onGone)
      .off('error', this.#onGone)
      .off('close', this.#onClose)
      .off('drain', this.#onDrain)
  }

  /** A half-close first: what was written last still arrives. */
  close(): void {
    this.socket.end(() => this.socket.destroy())
  }

  closeAfterAnswer(): void {
    if (this.#response !== undefined && !this.#response.headersSent) this.#response.shouldKeepAlive = false
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#onRead(chunk.toString('latin1'))) this.socket.pause()
  }

  /** @returns false to stop reading */
  #onRead(text: string): boolean {
    if (this.#response !== undefined) {
      // Pipelined: read no further until it has its turn.
      this.#early = this.#early === undefined ? text : this.#early + text
      return false
    }
    if (this.#arrived === undefined) addToBatch(this)
    this.#arrived = this.#arrived === undefined ? text : this.#arrived + text
    return true
  }

  proceed(): void {
    const received = this.#arrived
    this.#arrived = undefined
    // Ended from our side already: there could be no answer.
    if (received === undefined || !this.socket.writable) return
    const parts = this.#parts
    const request = parseLaneRequest(received, this.#peer, this.#memory)
    if (request === undefined || !parts.takes(request.path)) parts.handOver(this, received)
    else this.#serve(request)
  }

  #serve(request: LaneRequest): void {
    const parts = this.#parts
    const keepsConnection = request.keepsConnection && !parts.isDraining
    const response = new LaneResponse(this.socket, this.#writer, keepsConnection, parts, this.#onEnd)
    this.#response = response
    this.#startedMs = parts.clock()
    this.hasServed = true
    parts.serve(request, response)
  }

  readonly #onEnd = (response: LaneResponse): void => {
    const parts = this.#parts
    this.#response = undefined
    this.idleSinceMs = parts.clock()
    parts.answered(response.statusCode, (this.idleSinceMs - this.#startedMs) / 1_000)
    if (!response.shouldKeepAlive || parts.isClosingIdle) this.socket.destroySoon()
    else if (this.#early !== undefined && !this.socket.destroyed) parts.handOver(this, this.#early)
  }

  /** As `node:http` does, an end of the client's side is taken for its leaving. */
  readonly #onGone = (): void => {
    this.#arrived = undefined
    this.socket.destroy()
  }

  readonly #onClose = (): void => {
    const parts = this.#parts
    const response = this.#response
    this.#response = undefined
    if (response !== undefined) {
      response.closed()
      parts.answered(response.statusCode, (parts.clock() - this.#startedMs) / 1_000)
    }
    parts.onClosed(this)
  }

  readonly #onDrain = (): void => {
    this.#response?.drained()
  }
}
