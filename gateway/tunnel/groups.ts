/** Members by key. Most keys have one member, so a set is made only for the second. */
export class Groups<T extends object> {
  readonly #groups = new Map<string, T | Set<T>>()

  add(key: string, member: T): void {
    const group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, member)
    else if (group instanceof Set) group.add(member)
    else if (group !== member) this.#groups.set(key, new Set([group, member]))
  }

  delete(key: string, member: T): void {
    const group = this.#groups.get(key)
    if (group instanceof Set) {
      group.delete(member)
      if (group.size === 0) this.#groups.delete(key)
    } else if (group === member) this.#groups.delete(key)
  }

  /** A copy, so that members may leave while it is walked. */
  members(key: string): T[] {
    const group = this.#groups.get(key)
    if (group === undefined) return []
    return group instanceof Set ? [...group] : [group]
  }
}
