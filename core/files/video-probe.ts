/** Size and length of a video, as far as its container says them where they are usually found. */

export type VideoFacts = {
  width: number | undefined
  height: number | undefined
  durationS: number | undefined
}

/** Answers fewer bytes at the end of the file. */
export type ReadBytes = (start: number, length: number) => Promise<Buffer>

const NOTHING: VideoFacts = { width: undefined, height: undefined, durationS: undefined }
const MAX_BOXES = 64
const MAX_MOOV_BYTES = 4 * 1_048_576
const WEBM_HEAD_BYTES = 65_536
const EBML_MAGIC = 0x1a45dfa3

export async function probeVideo(read: ReadBytes, length: number): Promise<VideoFacts> {
  try {
    const head = await read(0, 12)
    if (head.length < 12) return NOTHING
    if (head.readUInt32BE(0) === EBML_MAGIC) return probeWebm(await read(0, WEBM_HEAD_BYTES))
    return head.toString('latin1', 4, 8) === 'ftyp' ? await probeMp4(read, length) : NOTHING
  } catch (error) {
    // A container that lies about itself points outside of what was read.
    if (error instanceof RangeError) return NOTHING
    throw error
  }
}

async function probeMp4(read: ReadBytes, length: number): Promise<VideoFacts> {
  let at = 0
  for (let i = 0; i < MAX_BOXES && at + 8 <= length; i++) {
    const head = await read(at, 16)
    const { size, type, headSize } = boxHead(head, 0, length - at)
    if (type === 'moov') {
      if (size > MAX_MOOV_BYTES) return NOTHING
      return readMoov(await read(at + headSize, size - headSize))
    }
    if (size < headSize) return NOTHING
    at += size
  }
  return NOTHING
}

/** ISO 14496-12 §4.2: 32-bit size, or 64-bit where it is 1, or up to the end where it is 0. */
function boxHead(buffer: Buffer, at: number, rest: number) {
  const short = buffer.readUInt32BE(at)
  const type = buffer.toString('latin1', at + 4, at + 8)
  if (short === 1) return { size: Number(buffer.readBigUInt64BE(at + 8)), type, headSize: 16 }
  return { size: short === 0 ? rest : short, type, headSize: 8 }
}

function* boxes(buffer: Buffer): Generator<{ type: string; body: Buffer }> {
  let at = 0
  while (at + 8 <= buffer.length) {
    const { size, type, headSize } = boxHead(buffer, at, buffer.length - at)
    if (size < headSize || at + size > buffer.length) return
    yield { type, body: buffer.subarray(at + headSize, at + size) }
    at += size
  }
}

function readMoov(moov: Buffer): VideoFacts {
  const facts = { ...NOTHING }
  for (const { type, body } of boxes(moov)) {
    if (type === 'mvhd') {
      const isLong = body[0] === 1
      const timescale = body.readUInt32BE(isLong ? 20 : 12)
      const duration = isLong ? Number(body.readBigUInt64BE(24)) : body.readUInt32BE(16)
      if (timescale > 0) facts.durationS = duration / timescale
    }
    if (type !== 'trak' || facts.width !== undefined) continue
    for (const track of boxes(body)) if (track.type === 'tkhd') Object.assign(facts, trackSize(track.body))
  }
  return facts
}

/** The last 44 bytes: a matrix, then width and height, all 16.16. Sound has no size. */
function trackSize(tkhd: Buffer): Partial<VideoFacts> {
  const end = tkhd.length
  const [width, height] = [tkhd.readUInt32BE(end - 8) / 65_536, tkhd.readUInt32BE(end - 4) / 65_536]
  if (width === 0 || height === 0) return {}
  const isTurned = tkhd.readInt32BE(end - 44) === 0 && tkhd.readInt32BE(end - 40) !== 0
  const [x, y] = isTurned ? [height, width] : [width, height]
  return { width: Math.round(x), height: Math.round(y) }
}

const ELEMENTS = {
  segment: 0x18538067,
  info: 0x1549a966,
  timecodeScale: 0x2ad7b1,
  duration: 0x4489,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
} as const
const MASTERS: ReadonlySet<number> = new Set([
  ELEMENTS.segment,
  ELEMENTS.info,
  ELEMENTS.tracks,
  ELEMENTS.trackEntry,
  ELEMENTS.video,
])

/** EBML: walks into what holds something, over the rest (RFC 8794). */
function probeWebm(buffer: Buffer): VideoFacts {
  const facts = { ...NOTHING }
  let scaleNs = 1_000_000
  let duration: number | undefined
  let at = 0
  while (at < buffer.length) {
    const idLength = Math.clz32(buffer.readUInt8(at)) - 23
    const id = buffer.readUIntBE(at, idLength)
    at += idLength
    const sizeLength = Math.clz32(buffer.readUInt8(at)) - 23
    const size = MASTERS.has(id) ? 0 : sizeAt(buffer, at, sizeLength)
    at += sizeLength
    if (MASTERS.has(id)) continue
    if (at + size > buffer.length) break
    const body = buffer.subarray(at, at + size)
    if (id === ELEMENTS.timecodeScale) scaleNs = body.readUIntBE(0, size)
    else if (id === ELEMENTS.duration) duration = size === 4 ? body.readFloatBE(0) : body.readDoubleBE(0)
    else if (id === ELEMENTS.pixelWidth) facts.width ??= body.readUIntBE(0, size)
    else if (id === ELEMENTS.pixelHeight) facts.height ??= body.readUIntBE(0, size)
    at += size
  }
  if (duration !== undefined) facts.durationS = (duration * scaleNs) / 1e9
  return facts
}

/** Without the bit that says how long it is. */
const sizeAt = (buffer: Buffer, at: number, length: number): number =>
  length === 8
    ? Number(BigInt.asUintN(56, buffer.readBigUInt64BE(at)))
    : buffer.readUIntBE(at, length) - 2 ** (7 * length)
