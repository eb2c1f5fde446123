import { fromBufferPromise } from 'yauzl'
import { CoreError } from '../errors.ts'

export type StickerImage = { name: string; content: Buffer }

export const MAX_ZIP_BYTES = 10 * 1_048_576
const MAX_ENTRIES = 200
const MAX_IMAGES = 100
const MAX_IMAGE_BYTES = 1_048_576
const MAX_TOTAL_BYTES = 20 * 1_048_576
const IMAGE_NAME = /^(?:tab|\d{2})\.png$/
const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
/** What desktops put into archives, unasked. */
const JUNK = /(?:^|\/)(?:__MACOSX\/.*|\.DS_Store|Thumbs\.db)$|\/$/

const invalid = (detail: string, cause?: unknown) => new CoreError('INVALID_REQUEST', detail, { cause })

/**
 * The images of a sticker set's archive: `tab.png`, `01.png` and so on, the tab first. Nothing is inflated beyond what
 * an image may have, whatever the archive says of itself.
 * @throws CoreError INVALID_REQUEST
 */
export async function readStickerZip(zip: Buffer): Promise<StickerImage[]> {
  const images = new Map<string, Buffer>()
  try {
    const archive = await fromBufferPromise(zip, { strictFileNames: true, validateEntrySizes: true })
    if (archive.entryCount > MAX_ENTRIES) throw invalid('The archive has too many entries.')
    let total = 0
    for await (const entry of archive.eachEntry()) {
      const { fileName, uncompressedSize } = entry
      if (JUNK.test(fileName)) continue
      if (!IMAGE_NAME.test(fileName) || images.has(fileName))
        throw invalid('The archive holds tab.png, 01.png to 99.png and nothing else.')
      total += uncompressedSize
      if (uncompressedSize > MAX_IMAGE_BYTES || total > MAX_TOTAL_BYTES || images.size >= MAX_IMAGES)
        throw invalid('The images of the archive are too large.')
      // Ends in an error where there is more than was said.
      const content = await gather(await archive.openReadStreamPromise(entry), uncompressedSize)
      if (!content.subarray(0, PNG.length).equals(PNG)) throw invalid(`${fileName} is no PNG.`)
      images.set(fileName, content)
    }
  } catch (error) {
    throw error instanceof CoreError ? error : invalid('The archive cannot be read.', error)
  }
  if (!images.has('tab.png') || images.size < 2) throw invalid('The archive needs tab.png and 01.png.')
  return [...images]
    .map(([name, content]) => ({ name, content }))
    .toSorted((a, b) => (a.name === 'tab.png' ? -1 : b.name === 'tab.png' ? 1 : a.name < b.name ? -1 : 1))
}

async function gather(stream: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    length += chunk.length
    if (length > limit) throw invalid('The images of the archive are too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
