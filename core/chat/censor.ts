/**
 * Masks words of a list in texts, case-sensitively, in one pass whatever the number of words (Aho and Corasick's
 * automaton): neither a long list nor a long text makes a send slow.
 */
export type Censor = (text: string) => string

export const MAX_WORDS = 2_000
export const MAX_WORD_LENGTH = 64

type State = {
  next: Map<number, State>
  fallback: State | undefined /** Of the longest word that ends here. */
  length: number
}

const createState = (): State => ({ next: new Map(), fallback: undefined, length: 0 })

export function createCensor(words: readonly string[]): Censor {
  const start = createState()
  for (const word of words.slice(0, MAX_WORDS))
    if (word !== '' && word.length <= MAX_WORD_LENGTH) add(start, word)
  if (start.next.size === 0) return (text) => text
  link(start)
  return (text) => mask(start, text)
}

function add(start: State, word: string): void {
  let state = start
  for (let i = 0; i < word.length; i += 1) {
    const unit = word.charCodeAt(i)
    let next = state.next.get(unit)
    if (next === undefined) {
      next = createState()
      state.next.set(unit, next)
    }
    state = next
  }
  state.length = word.length
}

/** Breadth first: a state's fallback is the longest suffix of it that begins a word. */
function link(start: State): void {
  const queue = [start]
  for (const state of queue)
    for (const [unit, next] of state.next) {
      let suffix = state.fallback
      while (suffix !== undefined && !suffix.next.has(unit)) suffix = suffix.fallback
      next.fallback = suffix?.next.get(unit) ?? start
      next.length = Math.max(next.length, next.fallback.length)
      queue.push(next)
    }
}

function mask(start: State, text: string): string {
  const found: Array<[from: number, to: number]> = []
  let state = start
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    while (!state.next.has(unit) && state.fallback !== undefined) state = state.fallback
    state = state.next.get(unit) ?? start
    if (state.length === 0) continue
    let from = i + 1 - state.length
    for (let last = found.at(-1); last !== undefined && last[1] >= from; last = found.at(-1)) {
      from = Math.min(from, last[0])
      found.pop()
    }
    found.push([from, i + 1])
  }
  let masked = ''
  let end = 0
  for (const [from, to] of found) {
    masked += text.slice(end, from) + '*'.repeat([...text.slice(from, to)].length)
    end = to
  }
  return found.length === 0 ? text : masked + text.slice(end)
}
