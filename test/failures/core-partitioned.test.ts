// The failure matrix of the design, for a core that is well but out of reach: packets are lost in both directions or in
// one, for everything or for the credential feed alone.

import t from 'tap'
import { CORE_FAULTS, walkMatrix } from './matrix.ts'
import { startFailureStand } from './stand.ts'

const partitioned = CORE_FAULTS['the core is partitioned']

t.jobs = 2
t.test('every cell while the core’s answers are lost', { buffered: true }, async (t) => {
  await walkMatrix(t, await startFailureStand(t), CORE_FAULTS['the core’s answers are lost'], true)
})

t.test('every cell while the core is partitioned, with Redis', { buffered: true }, async (t) => {
  await walkMatrix(t, await startFailureStand(t, { redis: true }), partitioned, true)
})

t.test('every cell while the feed alone is out of reach', { buffered: true }, async (t) => {
  await walkMatrix(t, await startFailureStand(t, { onlyFeedFails: true }), partitioned, false)
})
