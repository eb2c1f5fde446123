/** Takes what can wait until the event loop has done what cannot. */
export type Afterwards<T> = { add(item: T): void }

/** A turn with so many takes about a millisecond. */
const PER_TURN = 50

/** Does it to each item, a few in each turn of the event loop, in the order in which they came. */
export function createAfterwards<T>(act: (item: T) => void): Afterwards<T> {
  const items: T[] = []
  let next = 0

  function turn(): void {
    const end = Math.min(items.length, next + PER_TURN)
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
