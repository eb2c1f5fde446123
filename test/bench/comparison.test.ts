import t from 'tap'
import { compare } from '../../bench/comparison.ts'
import type { Measurement, Result } from '../../bench/report.ts'
import { targetsTable } from '../../bench/targets.ts'

const resultOf = (measurements: readonly Omit<Measurement, 'failures' | 'requests'>[]): Result => ({
  date: '2026-01-01T00:00:00.000Z',
  commit: 'abc',
  machine: '2 × processor',
  node: 'v24',
  load: 0,
  rounds: 3,
  turns: { count: 1, ms: 1 },
  missing: {},
  titles: Object.fromEntries(measurements.map(({ scenario }) => [scenario, scenario])),
  measurements: measurements.map((one) => ({ ...one, requests: 1, failures: 0 })),
})

/** The gateway's cost round by round, beside a yardstick of 10. */
const costs = (gateway: readonly number[], scenario = 'get-64', yardstick = 'nginx + Lua') =>
  resultOf(
    gateway.flatMap((cpuUs, round) => [
      { round, scenario, rival: 'gateway', cpuUs },
      { round, scenario, rival: yardstick, cpuUs: 10 },
    ]),
  )

const verdictOf = (before: Result, after: Result) => compare(before, after).map(({ verdict }) => verdict)

t.test('what grew by more than noise is worse, what grew by less is the same', async (t) => {
  t.same(verdictOf(costs([14, 14, 14]), costs([17, 17, 17])), ['worse'])
  t.same(verdictOf(costs([14, 14, 14]), costs([15, 15, 15])), ['same'])
  t.same(verdictOf(costs([14, 14, 14]), costs([10, 10, 10])), ['better'])
})

t.test('rounds that differ among themselves say less', async (t) => {
  t.same(verdictOf(costs([6, 14, 22]), costs([8, 17, 26])), ['same'])
})

t.test('a machine that was slower for both was not the gateway', async (t) => {
  const slower = costs([14, 14, 14])
  for (const one of slower.measurements) one.cpuUs = (one.cpuUs ?? 0) * 2
  t.same(verdictOf(costs([14, 14, 14]), slower), ['same'])
})

t.test('where the yardstick takes no part nginx is one, and what only one run has is left out', async (t) => {
  const tunnels = costs([14, 14, 14], 'echo', 'nginx')
  t.match(compare(tunnels, tunnels), [{ scenario: 'echo', before: 1.4, after: 1.4, verdict: 'same' }])
  t.same(compare(costs([14]), tunnels), [])
})

t.test('the table of targets tells what is met, and leaves out what was not measured', async (t) => {
  const lines = (gateway: number) =>
    targetsTable(costs([gateway, gateway, gateway]))
      .split('\n')
      .slice(2)
  t.equal(lines(14).length, 1)
  t.match(lines(9)[0], /0\.90 × .*\| aim \|$/)
  t.match(lines(14)[0], /1\.40 × .*\| must \|$/)
  t.match(lines(15)[0], /1\.50 × .*missed/)
})
