import type { Rival } from '../rival.ts'

/** No proxy at all: the limit that load and upstream set. */
export const direct: Rival = {
  name: 'direct, no proxy',
  authenticates: false,
  abilities: ['requests', 'tunnels'],
  start: async ({ upstreamUrl }) => ({ url: upstreamUrl, pids: [], stop: async () => {} }),
}
