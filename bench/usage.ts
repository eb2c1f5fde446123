import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE']))

/** What these processes and their descendants have used: time of user and system, and memory that is resident. */
export function usageOf(roots: readonly number[]): { cpuUs: number; residentBytes: number } {
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readStat(name) ?? []) : []))
  const wanted = new Set(roots)
  // A child is always listed in some pass after its parent was taken in.
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size
    for (const { pid, parent } of processes) if (wanted.has(parent)) wanted.add(pid)
  }
  let cpuUs = 0
  let pages = 0
  for (const process of processes) {
    if (!wanted.has(process.pid)) continue
    cpuUs += cpuUsOf(process.pid)
    pages += process.pages
  }
  return { cpuUs, residentBytes: pages * PAGE_BYTES }
}

type ProcessUsage = { pid: number; parent: number; pages: number }

/** Of its threads that live: to the nanosecond, where the process's own account counts in ticks of ten milliseconds. */
function cpuUsOf(pid: number): number {
  let ns = 0
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`))
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0])
  } catch {
    // It ended meanwhile.
  }
  return ns / 1_000
}

function readStat(pid: string): ProcessUsage | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may itself hold spaces and parentheses; what follows the last one is fixed.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return {
      pid: Number(pid),
      parent: Number(fields[1]),
      pages: Number(fields[21]),
    }
  } catch {
    return undefined
  }
}
