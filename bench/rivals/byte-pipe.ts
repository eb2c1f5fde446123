import { startNode } from '../node-process.ts'
import type { Rival } from '../rival.ts'

/** Bytes from socket to socket: what is left when a proxy in Node looks at nothing. */
export const bytePipe: Rival = {
  name: 'node byte pipe',
  authenticates: false,
  abilities: ['requests', 'tunnels', 'idle'],
  start: (setting) => startNode('byte-pipe.ts', setting),
}
