import { randomBytes } from 'node:crypto'

const COUNTER_LIMIT = 2 ** 20

/**
 * Ids of 24 hex digits in the order of their making: seconds (8, as in an ObjectId), milliseconds (3), counter (5),
 * process (8). Within a process they only grow, even when the clock steps back.
 */
export function createIdSource(clock: () => number): () => string {
  const processDigits = randomBytes(4).toString('hex')
  let lastMs = 0
  let counter = 0
  return () => {
    const nowMs = clock()
    if (nowMs > lastMs) {
      lastMs = nowMs
      counter = 0
    } else {
      counter += 1
      if (counter === COUNTER_LIMIT) {
        lastMs += 1
        counter = 0
      }
    }
    const seconds = hex(Math.floor(lastMs / 1000), 8)
    return `${seconds}${hex(lastMs % 1000, 3)}${hex(counter, 5)}${processDigits}`
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
