import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { HeaderSection } from '../headers/normalise.ts'
import type { AddedFields } from './response-fields.ts'
import type { ResponseHead } from './response-head.ts'

/** A body as it comes. */
type BodyStream = Pick<Readable, 'readableFlowing'> & {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end', listener: () => void): unknown
  once(event: 'end', listener: () => void): unknown
  off(event: 'data', listener: (chunk: Buffer) => void): unknown
  off(event: 'end', listener: () => void): unknown
  removeAllListeners(event: 'data' | 'end'): unknown
  pause(): unknown
  resume(): unknown
}

/**
 * What the gateway uses of a client's request: HTTP/1.1's own object, or what is made alike for HTTP/2 (http/http2.ts)
 * and in the fast lane (http/lane).
 */
export type ClientRequest = BodyStream &
  Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'httpVersionMajor' | 'httpVersionMinor'> &
  Fields & {
    /** For all others there is one of `Fields`. */
    readonly headers: Pick<
      IncomingHttpHeaders,
      'host' | 'origin' | 'upgrade' | 'content-length' | 'transfer-encoding'
    >
    /** The whole body has arrived. */
    readonly complete: boolean
    /** The body (latin-1: a character a byte), where it came with the head; there is no other then. */
    readonly body?: string | undefined
    readonly socket: {
      readonly remoteAddress?: string | undefined
      readonly encrypted?: boolean
      /** Of the connection, or of the stream: for its speed. */
      readonly bytesRead: number
    }
  }

/** One of the two: the fields as they came, or taken in already. */
type Fields = { readonly rawHeaders?: string[]; readonly section?: HeaderSection }

/** `close`: the answer is complete, or the client has gone. */
type Listeners = {
  on(event: 'close' | 'drain', listener: () => void): unknown
  once(event: 'close', listener: () => void): unknown
}

/** What it uses of the answer. */
export type ClientResponse = Listeners &
  Pick<ServerResponse, 'headersSent' | 'writableEnded' | 'destroyed' | 'shouldKeepAlive'> & {
    readonly statusCode: number
    writeHead(status: number, fields: string[]): unknown
    writeHead(status: number, reason: string, fields: string[]): unknown
    /** Instead of `writeHead` where answers are written as text: what is relayed of a core's head, as it is. */
    writeLines?(head: ResponseHead, added: AddedFields): void
    flushHeaders(): void
    readonly writableLength: number
    /** @param written once the bytes have left, or with the error because of which they did not */
    write(chunk: Buffer, written?: (error?: Error | null) => void): boolean
    end(): unknown
    end(chunk: Buffer | string): unknown
    end(chunk: string, encoding: BufferEncoding): unknown
    destroy(): unknown
  }
