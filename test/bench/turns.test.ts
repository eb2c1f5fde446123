import t from 'tap'
import type { Load } from '../../bench/load.ts'
import { takeTurns } from '../../bench/turns.ts'
import { usageOf } from '../../bench/usage.ts'

const none = async () => {}

const load = (requests: number, turn: Load['turn'] = none, lead: Load['lead'] = none): Load => ({
  turn,
  lead,
  end: async () => ({ requests, requestsPerSecond: 1, failures: 0 }),
})

t.test('loads take short turns, one after the other', async (t) => {
  const order: string[] = []
  const players = ['a', 'b'].map((name) => ({
    name,
    pids: [],
    load: load(
      1,
      async (ms) => {
        order.push(`${name} ${ms}`)
      },
      async () => {
        order.push(`lead of ${name}`)
      },
    ),
  }))
  await takeTurns(players, { count: 2, ms: 5 })
  const round = ['lead of a', 'a 5', 'lead of b', 'b 5']
  t.same(order, [...round, ...round])
})

t.test('what is spent in a lead is charged to nobody', async (t) => {
  let reads = 0
  const reading = (count: number) => async () => {
    reads += count
  }
  const storeReads = async () => reads
  const player = { name: 'a', pids: [], storeReads, load: load(1, reading(1), reading(100)) }
  const figures = await takeTurns([player], { count: 3, ms: 0 })
  t.match(figures.get('a'), { lookups: 3 })
  t.equal(reads, 303)
})

t.test('what is spent is charged to whose turn it is, for each of its requests', async (t) => {
  let reads = 0
  const reading = (count: number) => async () => {
    reads += count
  }
  const storeReads = async () => reads
  const figures = await takeTurns(
    [
      { name: 'a', pids: [process.pid], storeReads, load: load(1, reading(1)) },
      { name: 'b', pids: [], storeReads, load: load(1, reading(10)) },
    ],
    { count: 3, ms: 0 },
  )
  t.match(figures.get('a'), { lookups: 3, cpuUs: Number })
  t.match(figures.get('b'), { lookups: 30, cpuUs: undefined })
})

t.test('one that breaks is left out, and the others go on', async (t) => {
  t.intercept(console, 'error', { value: () => {} })
  const broken = load(1, async () => {
    throw new Error('no more')
  })
  const figures = await takeTurns(
    [
      { name: 'broken', pids: [], load: broken },
      { name: 'whole', pids: [], load: load(7) },
    ],
    { count: 2, ms: 0 },
  )
  t.same([...figures.keys()], ['whole'])
  t.match(figures.get('whole'), { requests: 7 })
})

t.test('processor time is that of the process and its threads', async (t) => {
  const before = { ours: process.cpuUsage(), told: usageOf([process.pid]).cpuUs }
  while (process.cpuUsage(before.ours).user < 200_000);
  const { user, system } = process.cpuUsage(before.ours)
  const told = usageOf([process.pid]).cpuUs - before.told
  t.ok(told > (user + system) * 0.8 && told < (user + system) * 1.3, `${told} of ${user + system} µs`)
})
