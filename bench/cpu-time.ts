import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']))

/** Processor time, user and system, that these processes and their descendants have used, in microseconds. */
export function cpuTimeUs(roots: readonly number[]): number {
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readStat(name) ?? []) : []))
  const wanted = new Set(roots)
  // A child is always listed in some pass after its parent was taken in.
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size
    for (const { pid, parent } of processes) if (wanted.has(parent)) wanted.add(pid)
  }
  const ticks = processes
    .filter(({ pid }) => wanted.has(pid))
    .reduce((sum, process) => sum + process.ticks, 0)
  return (ticks / TICKS_PER_SECOND) * 1_000_000
}

function readStat(pid: string): { pid: number; parent: number; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may itself hold spaces and parentheses; what follows the last one is fixed.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return undefined
  }
}
