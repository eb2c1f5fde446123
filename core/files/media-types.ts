/** What files are, and how a browser may be given them. */

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/
const UNKNOWN = 'application/octet-stream'

/** What a browser shows without running anything of it. Everything else is saved, and never shown in our origin. */
const SHOWN =
  /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp|heic|heif|x-icon)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+|text\/plain)$/

const MAGIC: ReadonlyArray<[type: string, offset: number, bytes: string]> = [
  ['image/png', 0, '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/gif', 0, 'GIF8'],
  ['image/webp', 8, 'WEBP'],
  ['image/avif', 4, 'ftypavif'],
  ['image/heic', 4, 'ftypheic'],
  ['video/quicktime', 4, 'ftypqt  '],
  ['audio/mp4', 4, 'ftypM4A'],
  ['video/mp4', 4, 'ftyp'],
  ['video/webm', 0, '\x1aE\xdf\xa3'],
  ['audio/ogg', 0, 'OggS'],
  ['audio/mpeg', 0, 'ID3'],
  ['audio/wav', 8, 'WAVE'],
  ['application/pdf', 0, '%PDF-'],
]

/** As its sender says; some say of everything that it is bytes, so that its first ones are looked at. */
export function mediaTypeOf(declared: string, head: Buffer): string {
  const type = declared.split(';', 1)[0]!.trim().toLowerCase()
  if (MEDIA_TYPE.test(type) && type !== UNKNOWN) return type
  const text = head.toString('latin1')
  return MAGIC.find(([, offset, bytes]) => text.startsWith(bytes, offset))?.[0] ?? UNKNOWN
}

export function contentHeaders(file: { mediaType: string; filename: string }): Record<string, string> {
  const { mediaType, filename } = file
  const shown = SHOWN.test(mediaType)
  return {
    'content-type': mediaType === 'text/plain' ? 'text/plain; charset=utf-8' : mediaType,
    'content-disposition': `${shown ? 'inline' : 'attachment'}; ${dispositionName(filename)}`,
    'x-content-type-options': 'nosniff',
    // Where a browser shows it after all, it may do nothing.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  }
}

/** RFC 6266: for who reads UTF-8, and for who does not. */
function dispositionName(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(filename).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `filename="${plain}"; filename*=UTF-8''${encoded}`
}

const MAX_FILENAME = 255

/** What a client calls a file, without what means something in a path or a header. Some percent-encode it. */
export function cleanFilename(given: string | undefined): string {
  const text = decoded(given ?? '').toWellFormed()
  const name = text
    .split(/[/\\]/)
    .at(-1)!
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
  return [...name].slice(0, MAX_FILENAME).join('') || 'file'
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
