import type { TLSSocket } from 'node:tls'
import { eventually } from './eventually.ts'

/** Bytes of HTTP/2 that no client library would send. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const TYPES = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  continuation: 9,
} as const
export const END_STREAM = 1
export const END_HEADERS = 4

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Fields as literals without indexing: no state, no compression. */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const size = [127]
  let left = bytes.length - 127
  for (; left >= 128; left >>= 7) size.push((left & 0x7f) | 0x80)
  return Buffer.concat([Buffer.from([...size, left]), bytes])
}

export type ReceivedFrame = { type: number; flags: number; stream: number; payload: Buffer }

/** Frames as they come; resolves with all of them once the other side has closed. */
export function readFrames(socket: TLSSocket): { frames: ReceivedFrame[]; closed: Promise<ReceivedFrame[]> } {
  const frames: ReceivedFrame[] = []
  let pending = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
      const end = 9 + pending.readUIntBE(0, 3)
      frames.push({
        type: pending[3]!,
        flags: pending[4]!,
        stream: pending.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(pending.subarray(9, end)),
      })
      pending = pending.subarray(end)
    }
  })
  const closed = new Promise<ReceivedFrame[]>((resolve) => socket.once('close', () => resolve(frames)))
  return { frames, closed }
}

/** How a connection begins: preface, our settings, and theirs acknowledged. */
export const START = Buffer.concat([PREFACE, frame(TYPES.settings, 0, 0), frame(TYPES.settings, 1, 0)])

/** Sends one request without a body, and says whether it was answered or not even that. */
export async function sendFields(
  socket: TLSSocket,
  fields: readonly (readonly [string, string])[],
): Promise<'answered' | 'reset'> {
  const { frames } = readFrames(socket)
  socket.write(Buffer.concat([START, frame(TYPES.headers, END_HEADERS | END_STREAM, 1, headerBlock(fields))]))
  const isAnswered = () => frames.some(({ type, stream }) => type === TYPES.headers && stream === 1)
  const isReset = () =>
    socket.destroyed || frames.some(({ type }) => type === TYPES.reset || type === TYPES.goAway)
  await eventually('the request is answered or reset', () => isAnswered() || isReset())
  return isAnswered() ? 'answered' : 'reset'
}
