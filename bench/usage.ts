import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']))
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
  let ticks = 0
  let pages = 0
  for (const process of processes) {
    if (!wanted.has(process.pid)) continue
    ticks += process.ticks
    pages += process.pages
  }
  return { cpuUs: (ticks / TICKS_PER_SECOND) * 1_000_000, residentBytes: pages * PAGE_BYTES }
}

type ProcessUsage = { pid: number; parent: number; ticks: number; pages: number }

function readStat(pid: string): ProcessUsage | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may itself hold spaces and parentheses; what follows the last one is fixed.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return {
      pid: Number(pid),
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
      pages: Number(fields[21]),
    }
  } catch {
    return undefined
  }
}
