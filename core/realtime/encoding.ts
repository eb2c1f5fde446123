/** How a socket wants what it is sent; `conf` chooses base64. */
export type Encoding = 'plain' | 'base64'

export const ENCODINGS: readonly Encoding[] = ['plain', 'base64']

/**
 * The payload as the one argument of an event or ack: as it is, or in base64. An object goes as its JSON; a string
 * is the key of `myPrefDelete`, which clients expect bare.
 */
export function encode(payload: object | string, encoding: Encoding): object | string {
  if (encoding === 'plain') return payload
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)).toString('base64')
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The text of a `typing` event. Native clients send it in base64, every other client as it is; a plain word that
 * happens to be base64 ("test") hardly ever decodes to printable UTF-8, and is then taken as it is.
 */
export function decodeTypingText(text: string): string {
  if (text === '' || !BASE64.test(text)) return text
  try {
    const decoded = utf8.decode(Buffer.from(text, 'base64'))
    return /\p{Cc}/u.test(decoded) ? text : decoded
  } catch {
    return text
  }
}
