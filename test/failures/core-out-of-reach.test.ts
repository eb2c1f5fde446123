// The failure matrix of the design, for a core that is gone: each cell is reached by really killing or stopping the
// process, and the times of the cells by the gateway's clock.

import t from 'tap'
import { CORE_FAULTS, walkMatrix } from './matrix.ts'
import { startFailureStand } from './stand.ts'

t.jobs = 2
for (const name of [
  'the core is killed',
  'the core is stopped (SIGSTOP)',
  'the core refuses connections',
] as const)
  t.test(`every cell while ${name}`, { buffered: true }, async (t) => {
    await walkMatrix(t, await startFailureStand(t), CORE_FAULTS[name], true)
  })
