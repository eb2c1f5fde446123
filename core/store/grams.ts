/**
 * The search index's terms. Bigrams serve every script alike, with spaces between words or without; a single
 * character is a term where it can be a word (Chinese, Japanese, Korean). A term is a 32-bit hash salted with app and
 * room: what it finds is in the room, all but certainly, and holds the text, probably. Whoever reads it looks again.
 */

const MAX_CHARACTERS = 4_000
const MAX_GRAMS = 1_000
const WORD_CHARACTER = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** One spelling of what looks or reads the same: width, case, composition, spaces. */
export const foldText = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()

/** Words of which each has to occur. */
export const wordsOf = (keyword: string): string[] => [
  ...new Set(
    foldText(keyword)
      .split(' ')
      .filter((word) => word !== ''),
  ),
]

/** Null where there is nothing to be found by. */
export function gramsOf(app: string, roomId: string, text: string | undefined): number[] | null {
  if (text === undefined) return null
  const salt = hash(FNV_OFFSET, `${app}\0${roomId}\0`)
  const grams = new Set<number>()
  let before = ' '
  for (const character of [...foldText(text.slice(0, MAX_CHARACTERS))]) {
    if (character !== ' ') {
      if (WORD_CHARACTER.test(character)) grams.add(hash(salt, character) | 0)
      if (before !== ' ') grams.add(hash(hash(salt, before), character) | 0)
      if (grams.size >= MAX_GRAMS) break
    }
    before = character
  }
  return grams.size === 0 ? null : [...grams]
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

function hash(seed: number, text: string): number {
  let value = seed
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), FNV_PRIME)
  return value >>> 0
}
