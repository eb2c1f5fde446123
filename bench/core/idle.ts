import type { ChildProcess } from 'node:child_process'
import type { Scope } from '../../test/support/child-process.ts'
import type { Row } from './figures.ts'
import { has, hear, is, startChild } from './node-child.ts'

/** What a socket costs that says nothing: its user known, and in four rooms. Garbage is collected before each look. */
export async function benchIdle(scope: Scope, { sockets }: { sockets: number }): Promise<Row[]> {
  const [bare, ours] = [await sizeOf(scope, 'bare', sockets), await sizeOf(scope, 'ours', sockets)]
  return [
    { what: `bare Socket.IO, ${sockets} sockets`, ...bare },
    {
      what: `the core, ${sockets} sockets`,
      ...ours,
      ratio: ours.usedKb / bare.usedKb,
      aim: 'no more memory than bare',
    },
  ]
}

type Size = { usedKb: number; residentKb: number }

async function sizeOf(scope: Scope, kind: 'bare' | 'ours', sockets: number): Promise<Size> {
  const server = startChild(scope, 'idle-server.ts', [kind])
  const { url } = await hear(server, has('url'))
  // What only the first ones cost is nobody's own.
  const first = startChild(scope, 'broadcast-clients.ts', [String(url), '100'])
  await hear(first, is('ready'))
  const before = await look(server)
  const clients = startChild(scope, 'broadcast-clients.ts', [String(url), `${sockets}`])
  await hear(clients, is('ready'))
  const after = await look(server)
  for (const child of [first, clients, server]) child.kill()
  const kilobytes = (key: 'usedBytes' | 'residentBytes') => (after[key] - before[key]) / sockets / 1_024
  return { usedKb: kilobytes('usedBytes'), residentKb: kilobytes('residentBytes') }
}

async function look(server: ChildProcess): Promise<{ usedBytes: number; residentBytes: number }> {
  server.send('size')
  const { usedBytes, residentBytes } = await hear(server, has('usedBytes', 'residentBytes'))
  return { usedBytes: Number(usedBytes), residentBytes: Number(residentBytes) }
}
