/**
 * A memory with a bound: it holds `max` entries at most, and of those that were used the last half of it for sure. Two
 * maps, of which the older goes as a whole when the younger is full: so a flood of keys that never come again pushes
 * out none that do, and a look-up costs no more than a map's, where an LRU also mends a list.
 */
export class TwoAges<K, V> {
  readonly #half: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  #age = 0

  constructor(max: number) {
    this.#half = Math.ceil(max / 2)
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) {
      this.#old.delete(key)
      this.set(key, old)
    }
    return old
  }

  has(key: K): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
      this.#age++
    }
    this.#young.set(key, value)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#age++
  }

  /** While it is the same, all that was got or set meanwhile is there. */
  get age(): number {
    return this.#age
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}
