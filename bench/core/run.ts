import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Scope } from '../../test/support/child-process.ts'
import { benchBroadcast } from './broadcast.ts'
import { type Row, toTable } from './figures.ts'
import { benchGrowth } from './growth.ts'
import { benchSends } from './sends.ts'

// What the core does with what PostgreSQL and Socket.IO can do on the same machine in the same minutes. Trust the
// ratios: the other figures are this machine's, and of what else it does.

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    sockets: { type: 'string', default: '5000' },
    /** Ten million messages too: some minutes, and some gigabytes. */
    large: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const sizes = [10_000, 1_000_000, ...(values.large ? [10_000_000] : [])]

const PARTS: Record<string, [title: string, (scope: Scope) => Promise<Row[]>]> = {
  sends: ['Durable sends', (scope) => benchSends(scope, { rounds, seconds: Number(values.seconds) })],
  growth: ['Reading, as the tables grow', (scope) => benchGrowth(scope, sizes)],
  broadcast: [
    'Broadcast',
    (scope) => benchBroadcast(scope, { sockets: Number(values.sockets), rounds: rounds * 3 }),
  ],
}

console.log(
  `# Core, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}\n`,
)
for (const [name, [title, measure]] of Object.entries(PARTS)) {
  if (values.only !== undefined && values.only !== name) continue
  const undo: (() => unknown)[] = []
  try {
    console.log(toTable(title, await measure({ teardown: (step) => undo.push(step) })))
  } finally {
    for (const step of undo.reverse()) await step()
  }
}
