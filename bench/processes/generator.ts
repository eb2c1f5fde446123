import { createInterface } from 'node:readline'
import type { LoadFigures } from '../load.ts'

export type Generator = {
  /** Traffic for so long, and then until all of it is answered. */
  turn(ms: number, isCounted: boolean): Promise<void>
  figures(): LoadFigures
}

/**
 * A generator's side of the talk, line by line: the order, answered by `ready`; `turn` or, uncounted, `lead` with its
 * milliseconds, answered by `done`; `end`, answered by the figures. It does not outlive who it talks to.
 */
export async function generate<Order>(open: (order: Order) => Promise<Generator>): Promise<never> {
  let generator: Generator | undefined
  for await (const line of createInterface(process.stdin)) {
    if (generator === undefined) {
      generator = await open(JSON.parse(line))
      console.log('ready')
    } else if (line !== 'end') {
      const [word, ms] = line.split(' ')
      await generator.turn(Number(ms), word === 'turn')
      console.log('done')
    } else {
      console.log(JSON.stringify(generator.figures()))
      break
    }
  }
  process.exit()
}
