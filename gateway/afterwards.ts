/** Takes what can wait until the event loop has done what cannot. */
export type Afterwards<T> = { add(item: T): void }

/**
 * Does it to each item, in the order in which they came.
 * @param perTurn so many in each turn of the event loop
 */
export function createAfterwards<T>(act: (item: T) => void, perTurn: number): Afterwards<T> {
  const items: T[] = []
  let next = 0

  function turn(): void {
    const end = Math.min(items.length, next + perTurn)
    for (; next < end; next++) act(items[next] as T)
    if (next < items.length) setImmediate(turn)
    else items.length = next = 0
  }

  return {
    add(item) {
      if (items.length === 0) setImmediate(turn)
      items.push(item)
    },
  }
}
