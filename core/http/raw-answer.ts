import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'

/** What a route that answers bytes has to know of its request. */
export type Incoming = {
  headers: IncomingHttpHeaders
  /** Only what would be answered is asked for. */
  isHead: boolean
}

/** An answer that is no JSON. */
export class RawAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Readable | undefined
  constructor(status: number, headers: Record<string, string>, body?: Readable) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}
