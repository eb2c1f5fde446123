import { freePort } from '../../test/support/free-port.ts'
import { startNode } from '../node-process.ts'
import type { Rival } from '../rival.ts'

export const fastGateway: Rival = {
  name: 'fast-gateway',
  authenticates: true,
  abilities: ['requests'],
  modules: ['fast-gateway'],
  start: async (setting) => startNode('fast-gateway.ts', setting, { PORT: `${await freePort()}` }),
}
