/** Just enough HTTP/1.1 framing for test ends that must see exact bytes; `node:http` would normalise them. */

export type HeaderField = readonly [name: string, value: string]

export type HttpMessage = {
  /** The request line or status line as it stood on the wire. */
  startLine: string
  /** Every field in order, names and values as they stood on the wire. */
  fields: HeaderField[]
  /** The exact head, from the start line through the empty line. */
  head: Buffer
  /** The body with its transfer coding undone. */
  body: Buffer
  trailers: HeaderField[]
}

export type BodyKind = 'by-headers' | 'none' | 'until-close'

/** Cuts the first whole message off the bytes; undefined = more bytes are needed. */
export function takeMessage(
  bytes: Buffer,
  bodyKind: (startLine: string, fields: HeaderField[]) => BodyKind,
  ended: boolean,
): { message: HttpMessage; rest: Buffer } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = bytes.subarray(0, headEnd + 4)
  const [startLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n')
  const fields = lines.map(toField)
  const after = bytes.subarray(headEnd + 4)
  const taken = takeBody(after, fields, bodyKind(startLine, fields), ended)
  return (
    taken && {
      message: { startLine, fields, head, body: taken.body, trailers: taken.trailers },
      rest: taken.rest,
    }
  )
}

/** All values of a name, compared without case. */
export function valuesOf(fields: readonly HeaderField[], name: string): string[] {
  const wanted = name.toLowerCase()
  return fields.filter(([given]) => given.toLowerCase() === wanted).map(([, value]) => value)
}

function toField(line: string): HeaderField {
  const colon = line.indexOf(':')
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()]
}

type Taken = { body: Buffer; trailers: HeaderField[]; rest: Buffer }

function takeBody(bytes: Buffer, fields: HeaderField[], kind: BodyKind, ended: boolean): Taken | undefined {
  const none = Buffer.alloc(0)
  if (kind === 'none') return { body: none, trailers: [], rest: bytes }
  const coding = valuesOf(fields, 'transfer-encoding').join(',')
  if (/chunked\s*$/i.test(coding)) return takeChunks(bytes)
  const [length] = valuesOf(fields, 'content-length')
  if (length !== undefined) {
    const end = Number(length)
    return bytes.length < end
      ? undefined
      : { body: bytes.subarray(0, end), trailers: [], rest: bytes.subarray(end) }
  }
  if (kind === 'until-close') return ended ? { body: bytes, trailers: [], rest: none } : undefined
  return { body: none, trailers: [], rest: bytes }
}

function takeChunks(bytes: Buffer): Taken | undefined {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    if (Number.isNaN(size))
      throw new Error(`not a chunk size: ${bytes.subarray(at, lineEnd).toString('latin1')}`)
    at = lineEnd + 2
    if (size === 0) break
    if (bytes.length < at + size + 2) return undefined
    parts.push(bytes.subarray(at, at + size))
    at += size + 2
  }
  const trailers: HeaderField[] = []
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = bytes.subarray(at, lineEnd).toString('latin1')
    at = lineEnd + 2
    if (line === '') return { body: Buffer.concat(parts), trailers, rest: bytes.subarray(at) }
    trailers.push(toField(line))
  }
}
