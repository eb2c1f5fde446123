import { createChecks } from './checks.ts'

// What each of the gateway's checks costs on the hot path: processor time of one, the best of some runs, since what
// else the machine does can only add to it.

const RUNS = 5
const TIMES = 50_000

let kept: unknown
function microsecondsOf(check: () => unknown): number {
  const before = process.cpuUsage()
  for (let i = 0; i < TIMES; i++) kept = check()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / TIMES
}

const table = Object.entries(createChecks()).map(([check, act]) => ({
  check,
  µs: Math.round(Math.min(...Array.from({ length: RUNS }, () => microsecondsOf(act))) * 100) / 100,
}))
console.table(table)
if (kept === undefined) process.exitCode = 1
